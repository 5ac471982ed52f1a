"""A child process with planted faults: it crashes, hangs, or asks for 3 GB."""

import ctypes
import os
import sys

from trainer import limited_process


def answer(question, _content, _pictures):
    if question["do"] == "hang":
        while True:
            pass
    if question["do"] == "crash":
        ctypes.string_at(0)
    if question["do"] == "exit":
        os._exit(3)
    if question["do"] == "fill":
        bytearray(3 << 30)
    return {"did": question["do"]}, b""


if __name__ == "__main__":
    limited_process.serve(int(sys.argv[1]), answer, memory=1 << 30)
