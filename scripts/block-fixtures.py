#!/usr/bin/env python3
"""Reference answers for rounding to every block format, in exact rational arithmetic.

    scripts/block-fixtures.py            writes test/format/fixtures/blocks.json
    scripts/block-fixtures.py --check    compares with that file

Nothing here knows the rule of src/format: elements and E4M3 scales are enumerated code by code, as format-fixtures.py
does, and an input goes to the nearest value, on a tie to the even one. Powers of two are found by comparing, not from
bits. What NVFP4 computes in float32 is rounded to float32 from the exact rational at each step.

Each case is one tensor: blocks at scales from tiny to huge, with ties, ends, zeros and short last blocks. Stored are the
bits of the inputs and of the answers, as base64 of little-endian float32.
"""
import base64
import importlib.util
import json
import random
import struct
import sys
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).parent
FILE = HERE.parent / "test/format/fixtures/blocks.json"
spec = importlib.util.spec_from_file_location("scalar", HERE / "format-fixtures.py")
scalar = importlib.util.module_from_spec(spec)
spec.loader.exec_module(scalar)

SCALARS = dict(scalar.formats())
ELEMENTS = {  # values and mantissa bits
    "MXFP4": (SCALARS["E2M1"], 1),
    "MXFP6E2M3": (SCALARS["E2M3"], 3),
    "MXFP6E3M2": (SCALARS["E3M2"], 2),
    "MXFP8E4M3": (SCALARS["E4M3"], 3),
    "MXFP8E5M2": (SCALARS["E5M2"], 2),
    "MXINT8": (scalar.integers(-127, 127, Fraction(1, 64)), 6),
}
TINY = Fraction(2) ** -126


def nearest(values, x):
    """The nearest of ascending values; on a tie the even multiple of their distance; beyond the ends the ends."""
    if x >= values[-1]:
        return values[-1]
    if x <= values[0]:
        return values[0]
    for below, above in zip(values, values[1:]):
        if below <= x <= above:
            if x - below != above - x:
                return below if x - below < above - x else above
            return below if (below / (above - below)) % 2 == 0 else above


def floor_log2(x):
    n = 0
    while Fraction(2) ** (n + 1) <= x:
        n += 1
    while Fraction(2) ** n > x:
        n -= 1
    return n


def round_to_mantissa(x, bits):
    step = Fraction(2) ** (floor_log2(x) - bits)
    return Fraction(round(x / step)) * step  # Python rounds halves of a Fraction to even


def float32(x):
    """The nearest float32; what is below normal size stays, since no answer depends on its last bits."""
    if abs(x) < TINY:
        return x
    rounded = round_to_mantissa(abs(x), 23)
    assert rounded < Fraction(2) ** 128, x
    return rounded if x > 0 else -rounded


def micro_scaled(block, values, mantissa, rule):
    top = max(abs(x) for x in block)
    if top == 0:
        return block
    if rule == "even":
        top = round_to_mantissa(top, mantissa)
    e = floor_log2(top)
    if rule == "ceil" and top != Fraction(2) ** e:
        e += 1
    k = e - floor_log2(values[-1])
    if rule == "roundUp":  # the least k with top <= largest * 2^k
        k += top > values[-1] * Fraction(2) ** k
    s = Fraction(2) ** max(-127, min(127, k))
    return [nearest(values, x / s) * s for x in block]


def under_tensor(block, values, t):
    if t < TINY:
        return [Fraction(0) for _ in block]
    top = max(abs(x) for x in block)
    ratio = float32(float32(top / values[-1]) / t)
    b = nearest(SCALARS["E4M3"], ratio)
    if b == 0:
        return [Fraction(0) for _ in block]
    s = float32(b * t)
    return [float32(nearest(values, float32(x / s)) * b * t) for x in block]


def exact(number):
    return Fraction(struct.unpack("<f", struct.pack("<f", number))[0])


def inputs_of(name, values, size, seed):
    """Blocks of float32 numbers around values and midpoints of the format at many scales, and random ones."""
    draw = random.Random(f"{name}/{size}/{seed}")
    points = sorted(set(values) | {(a + b) / 2 for a, b in zip(values, values[1:])})
    numbers = []
    spread = 6 if name == "NVFP4" else 60
    for i in range(9):
        scale = Fraction(2) ** draw.randint(-spread, spread)
        if i % 4 == 3:
            scale *= exact(draw.uniform(1, 2))
        block = []
        for _ in range(size):
            if i % 3 == 0:
                x = draw.choice(points)
                n = scalar.ordered(float(exact(float(x * scale)))) + (draw.choice([-1, 0, 0, 0, 1]) if x else 0)
                block.append(scalar.from_ordered(n))
            else:
                block.append(float(exact(float(scale) * draw.gauss(0, 1))))
        numbers += [(0.0, -0.0)[k % 2] for k in range(size)] if i == 5 else block
    for m in (1, 2 - 2**-23, 1.5, 1.75, 1.9375, 1.875, 1.96875, 1.9921875):
        # magnitudes that the rules of the shared exponent tell apart
        number = m * 2.0 ** draw.randint(-3, 3)
        numbers += [number] + [number * draw.uniform(-1, 1) for _ in range(size - 1)]
    return [x if x == 0 else float(exact(x)) for x in numbers[: len(numbers) - size // 2]]  # a Fraction has no -0


def pack(numbers):
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def case(name, size, rule):
    values = SCALARS["E2M1"] if name == "NVFP4" else ELEMENTS[name][0]
    inputs = inputs_of(name, values, size, rule)
    x = [Fraction(number) for number in inputs]
    t = float32(max(abs(v) for v in x) / (6 * 448))
    answers = []
    for start in range(0, len(x), size):
        block = x[start : start + size]
        if name == "NVFP4":
            answers += under_tensor(block, values, t)
        else:
            answers += micro_scaled(block, values, ELEMENTS[name][1], rule)
    signed = [scalar.signed(values, answer, number) for number, answer in zip(inputs, answers)]
    return {"format": name, "size": size, "sharedExponent": rule, "inputs": pack(inputs), "answers": pack(signed)}


def main():
    made = [
        case(name, size, rule)
        for name in [*ELEMENTS, "NVFP4"]
        for size in ((16, 5) if name == "NVFP4" else (32, 3))
        for rule in ((None,) if name == "NVFP4" else ("floor", "ceil", "even", "roundUp"))
    ]
    text = "[\n" + ",\n".join(json.dumps(one, separators=(",", ":")) for one in made) + "\n]\n"
    if "--check" in sys.argv:
        same = FILE.read_text() == text
        print("the fixtures are", "up to date" if same else "STALE")
        sys.exit(0 if same else 1)
    FILE.write_text(text)


if __name__ == "__main__":
    main()
