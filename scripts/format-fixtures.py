#!/usr/bin/env python3
"""Reference answers for rounding to every scalar number format, in exact rational arithmetic.

    scripts/format-fixtures.py            writes test/format/fixtures/rounding.json
    scripts/format-fixtures.py --check    compares with that file, and with ml_dtypes and numpy where they have the format

Nothing here knows the rule of src/format: each format is the set of its finite codes, decoded one by one; an input goes
to the nearest of those values, on a tie to the even multiple of their distance, beyond the ends to the ends (infinities
too). Where one of the codes is -0, a zero keeps the sign of the input; where none is, there is only +0.

The inputs of a format: its values, the midpoints between neighbours, the float32 numbers just below and above each of
those, both zeros, a few huge and tiny numbers and the infinities; ascending, as float32. A format of up to 256 codes is
stored with the values of its codes, -0 among them where it has that code, and, for every input, the index of the answer; a
larger one as SHA-256 of the inputs and of the answers (little-endian float32).
"""
import base64
import bisect
import hashlib
import json
import math
import struct
import sys
from fractions import Fraction
from pathlib import Path

FILE = Path(__file__).parent.parent / "test/format/fixtures/rounding.json"
STORED = 256  # codes


def power(n):
    return Fraction(2) ** n


class Values(list):
    """Ascending, each once; `negative_zero` says whether one of the codes is -0."""

    def __init__(self, values, negative_zero):
        super().__init__(sorted(values))
        self.negative_zero = negative_zero


def integers(low, high, step=Fraction(1)):
    """Two's complement, or codes from 0 up: zero has one code."""
    return Values({k * step for k in range(low, high + 1)}, False)


def float_codes(exponent_bits, mantissa_bits, bias, finite):
    """Values of all codes that `finite(exponent field, mantissa field, sign)` says are numbers."""
    values, negative_zero = set(), False
    for sign in (0, 1):
        for e in range(2**exponent_bits):
            for m in range(2**mantissa_bits):
                if finite(e, m, sign):
                    fraction = Fraction(m, 2**mantissa_bits)
                    size = power(1 - bias) * fraction if e == 0 else power(e - bias) * (1 + fraction)
                    values.add(-size if sign else size)
                    negative_zero |= bool(sign) and size == 0
    return Values(values, negative_zero)


def formats():
    for bits in range(2, 17):
        yield f"INT{bits}", integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for bits in range(2, 17):
        yield f"UINT{bits}", integers(0, 2**bits - 1)
    for bits in range(2, 9):
        for x in range(1, bits):
            y = bits - 1 - x
            top, all_ones = 2**x - 1, 2**y - 1
            finite = {
                "E4M3": lambda e, m, s: not (e == top and m == all_ones),  # OCP: one NaN per sign
                "E5M2": lambda e, m, s: e != top,  # OCP: as IEEE
            }.get(f"E{x}M{y}", lambda e, m, s: True)
            yield f"E{x}M{y}", float_codes(x, y, 2 ** (x - 1) - 1, finite)
    yield "E4M3FNUZ", float_codes(4, 3, 8, lambda e, m, s: not (s and e == 0 and m == 0))
    yield "E5M2FNUZ", float_codes(5, 2, 16, lambda e, m, s: not (s and e == 0 and m == 0))
    yield "E4M3IEEE", float_codes(4, 3, 7, lambda e, m, s: e != 15)
    yield "BF16", float_codes(8, 7, 127, lambda e, m, s: e != 255)
    yield "FP16", float_codes(5, 10, 15, lambda e, m, s: e != 31)


# float32 as ordered integers: neighbours are one apart, both zeros are 0


def ordered(value):
    bits = struct.unpack("<i", struct.pack("<f", value))[0]
    return bits if bits >= 0 else -(bits & 0x7FFFFFFF)


def from_ordered(n):
    return struct.unpack("<f", struct.pack("<I", n if n >= 0 else (-n) | 0x80000000))[0]


INFINITY = ordered(float("inf"))


def exact_float32(value):
    result = float(value)
    assert Fraction(result) == value and struct.unpack("<f", struct.pack("<f", result))[0] == result, value
    return result


def inputs_of(values):
    """float32 numbers, ascending, each once, -0 before +0."""
    middles = [(a + b) / 2 for a, b in zip(values, values[1:])]
    chosen = {-INFINITY, 1 - INFINITY, -1, 0, 1, INFINITY - 1, INFINITY}
    last = values[-1] - values[-2]
    for value in [*values, *middles, values[-1] + last / 2, values[0] - last / 2]:
        if abs(value) < power(128):
            n = ordered(exact_float32(value))
            chosen.update((n - 1, n, n + 1))
    return [x for n in sorted(chosen) for x in ([-0.0, 0.0] if n == 0 else [from_ordered(n)])]


def answer(values, number):
    """Index of the value that the float32 number goes to."""
    if math.isinf(number):
        return len(values) - 1 if number > 0 else 0
    x = Fraction(number)
    i = bisect.bisect_left(values, x)
    if i == len(values):
        return i - 1
    if i == 0 or values[i] == x:
        return i
    below, above = values[i - 1], values[i]
    if x - below != above - x:
        return i - 1 if x - below < above - x else i
    return i - 1 if (below / (above - below)) % 2 == 0 else i


def floats(numbers):
    return b"".join(struct.pack("<f", number) for number in numbers)


def signed(values, result, number):
    """The answer as float32: a zero has the sign of the input if there is a code for it."""
    is_negative = values.negative_zero and math.copysign(1, number) < 0
    return (-0.0 if is_negative else 0.0) if result == 0 else exact_float32(result)


def rounded(values, inputs):
    for number in inputs:
        yield signed(values, values[answer(values, number)], number)


def bits(number):
    return struct.pack("<f", number)


def fixture(values):
    inputs = inputs_of(values)
    codes = [exact_float32(value) for value in values]
    if values.negative_zero:
        codes.insert(codes.index(0), -0.0)
    if len(codes) <= STORED:
        places = {bits(code): i for i, code in enumerate(codes)}
        indices = bytes(places[bits(number)] for number in rounded(values, inputs))
        return {
            "values": codes,
            "inputs": len(inputs),
            "answers": base64.b64encode(indices).decode(),
        }
    return {
        "inputs": len(inputs),
        "inputsSha256": hashlib.sha256(floats(inputs)).hexdigest(),
        "answersSha256": hashlib.sha256(floats(rounded(values, inputs))).hexdigest(),
    }


def cross_check():
    """Against independent implementations; inputs are clipped first, since casts there overflow to NaN or infinity."""
    import ml_dtypes
    import numpy

    types = {
        "E4M3": ml_dtypes.float8_e4m3fn,
        "E5M2": ml_dtypes.float8_e5m2,
        "E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
        "E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
        "E4M3IEEE": ml_dtypes.float8_e4m3,
        "E2M1": ml_dtypes.float4_e2m1fn,
        "E2M3": ml_dtypes.float6_e2m3fn,
        "E3M2": ml_dtypes.float6_e3m2fn,
        "BF16": ml_dtypes.bfloat16,
        "FP16": numpy.float16,
    }
    bad = 0
    for name, values in formats():
        inputs = inputs_of(values)
        x = numpy.array(inputs, numpy.float32)
        ours = numpy.array(list(rounded(values, inputs)), numpy.float32)
        low, high = float(values[0]), float(values[-1])
        if "INT" in name:
            theirs = numpy.rint(numpy.clip(x, low, high)).astype(numpy.int32).astype(numpy.float32)
        elif name in types:
            theirs = numpy.clip(x, low, high).astype(types[name]).astype(numpy.float32)
        else:
            continue
        wrong = int(numpy.count_nonzero(ours.view(numpy.uint32) != theirs.view(numpy.uint32)))
        bad += wrong
        print(f"{name:9} {len(inputs):7} inputs, {wrong} differ from {'numpy.rint' if 'INT' in name else types[name].__name__}")
    return bad


def main():
    made = {name: fixture(values) for name, values in formats()}
    text = "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in made.items()) + "\n}\n"
    if "--check" in sys.argv:
        same = FILE.read_text() == text
        print("the fixtures are", "up to date" if same else "STALE")
        sys.exit(0 if cross_check() == 0 and same else 1)
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(text)


if __name__ == "__main__":
    main()
