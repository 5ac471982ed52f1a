"""When a model is blessed: AccuracyGate and its kinds of evidence."""
