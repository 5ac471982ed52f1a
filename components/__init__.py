"""The TFX components. They may import trainer, never pipeline."""
