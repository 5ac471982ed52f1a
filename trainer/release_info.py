"""info.json of a release bundle, its name and format, and `latest` beside bundles: what clients look for."""

from trainer.file_format import FileFormat

INFO = "info.json"
INFO_FORMAT = FileFormat(INFO)
LATEST = "latest"  # A file with the number of the newest version.
