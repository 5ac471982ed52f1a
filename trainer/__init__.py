"""The network, its training, quantization and TFLite conversion: TensorFlow, and of TFX only FnArgs."""

from trainer import moved_names

moved_names.install()
