"""What the package `tflite`, a parser that others generated from the schema, reads of a file; in its own environment.

Command: python schema_client.py FILE.tflite → JSON.
"""

import json
import sys

import tflite


def main(file: str) -> None:
    with open(file, "rb") as opened:
        model = tflite.Model.GetRootAsModel(opened.read(), 0)
    graph = model.Subgraphs(0)
    operators = []
    for place in range(graph.OperatorsLength()):
        code = model.OperatorCodes(graph.Operators(place).OpcodeIndex())
        operators.append(tflite.opcode2name(max(code.BuiltinCode(), code.DeprecatedBuiltinCode())))
    edges = [graph.Tensors(index) for index in (graph.Inputs(0), graph.Outputs(0))]
    print(
        json.dumps(
            {
                "operators": operators,
                "shapes": [[tensor.Shape(axis) for axis in range(tensor.ShapeLength())] for tensor in edges],
                "names": [tensor.Name().decode() for tensor in edges],
                "scales": [
                    tensor.Quantization().Scale(0) if tensor.Quantization().ScaleLength() else 0 for tensor in edges
                ],
                "metadata": [model.Metadata(place).Name().decode() for place in range(model.MetadataLength())],
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
