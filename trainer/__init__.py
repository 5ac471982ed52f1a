"""The network, its training, quantization and TFLite conversion: TensorFlow, and nothing of TFX but FnArgs in task.py."""
