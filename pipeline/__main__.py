"""`python -m pipeline`: the same as `mobilenet`."""

from pipeline.cli import main

main()
