"""TF-Slim's checkpoints and archives: fetched, read, written, turned into models."""
