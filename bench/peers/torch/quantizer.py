"""Fake quantization of 2^20 numbers alone, forward: PyTorch.

    python quantizer.py THREADS QUANTIZER FORMAT [--compile]
"""

import argparse

import torch

import quantize
from serve import serve, threads

parser = argparse.ArgumentParser()
parser.add_argument("threads", type=int)
parser.add_argument("quantizer", choices=["published", "lean", "by_row"])
parser.add_argument("format")
parser.add_argument("--compile", action="store_true")
options = parser.parse_args()
threads(options.threads)
x = torch.randn(64, 32, 32, 16)
row = torch.tensor(quantize.ROWS[options.format])
one = {
    "published": lambda x: quantize.published(x, int(options.format[3:])),
    "lean": lambda x: quantize.lean(x, options.format),
    "by_row": lambda x: quantize.by_row(x, row),
}[options.quantizer]
quantized = torch.compile(one) if options.compile else one


def step():
    with torch.no_grad():
        return quantized(x)


serve(step)
