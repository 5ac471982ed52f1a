"""The release bundle: what it holds, its papers, its signature, where it goes."""
