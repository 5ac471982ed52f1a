"""`mobilenet ingest`."""
