"""The network, its training, quantization and TFLite conversion: TensorFlow, and of TFX only FnArgs."""
