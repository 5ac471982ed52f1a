"""Where pictures come from: which source lies in a folder, and what of it is taken."""
