"""MobileNetV1 and its numbers."""
