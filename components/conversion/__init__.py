"""From a Keras model or a checkpoint to .tflite files, and what such a file must promise."""
