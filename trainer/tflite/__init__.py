"""Keras model → .tflite file that outputs probabilities; and what reads, checks and runs such a file."""

from trainer.tflite.classifier import Classifier, Guess
from trainer.tflite.converter import INPUT, OUTPUT, convert
from trainer.tflite.graph import Operator, Tensor, TFLiteError, operators, read_graph
from trainer.tflite.int8_check import check_int8
from trainer.tflite.runner import Runner

__all__ = ["INPUT", "OUTPUT", "Classifier", "Guess", "Operator", "Runner", "TFLiteError", "Tensor", "check_int8",
           "convert", "operators", "read_graph"]  # fmt: skip
