"""`mobilenet debug-quantization` and `mobilenet tensorboard`."""
