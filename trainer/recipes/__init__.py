"""The lab record: one module per experiment, each with FLOAT, QAT (fine-tuned) and FROM_SCRATCH (quantized at once)."""
