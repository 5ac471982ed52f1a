"""info.json of a release bundle: its name and format. BundleBuilder writes the file, `predict` reads the name."""

from trainer.file_format import FileFormat

INFO = "info.json"
INFO_FORMAT = FileFormat(INFO)
