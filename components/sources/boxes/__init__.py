"""Bounding boxes that lie beside pictures."""
