"""`mobilenet benchmark`: how long a file takes."""
