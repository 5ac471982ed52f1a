"""What is asked of a release: `mobilenet predict`, `verify`, `sign`."""
