"""`pipeline.yaml`: written, read, and placed by a cluster's settings."""
