"""`mobilenet evaluate`: model files measured on pictures."""
