"""Fake quantization in PyTorch, three ways.

`published`: the operations of the public FLIQS modules in PyTorch, in their order: absmax of the tensor, 1 / scale * x,
round, clamp in an autograd function whose gradient is divided by the scale, times the scale outside it. Integers only.

`lean`: the same values with as few passes over memory as PyTorch allows without a compiler: in place, gradient as it is.
Floating-point formats by exponent bits, as `by_row`.

`by_row`: this project's rule, the format being five numbers of a tensor: what torch.compile can fuse, with a new
format every step.
"""

import torch


class Published(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, bits, scale):
        n = 2 ** (bits - 1) - 1
        ctx.scale = scale
        return torch.clamp(torch.round(1.0 / scale * x), -n - 1, n)

    @staticmethod
    def backward(ctx, gradient):
        return gradient.clone() / ctx.scale, None, None


def published(x, bits):
    with torch.no_grad():
        scale = torch.clamp(x.detach().abs().max().view(1), min=1e-8) / (2 ** (bits - 1) - 1)
    return Published.apply(x, bits, scale) * scale


class Lean(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, name):
        if name == "BF16":
            return x.to(torch.bfloat16).to(torch.float32)
        relative, smallest, low, high, scale_by = ROWS[name]
        lowest, highest = torch.aminmax(x)
        scale = torch.clamp(torch.maximum(-lowest, highest), min=1e-8) / scale_by
        y = x.div(scale)
        if name.startswith("INT"):
            return y.round_().clamp_(low, high).mul_(scale)
        y.clamp_(low, high)
        # Casts to the eight-bit types and back are not vectorised on processors; exponent bits are.
        unit = (y.view(torch.int32) & 0x7F800000).view(torch.float32).mul_(relative).clamp_(min=smallest)
        return y.div_(unit).round_().mul_(unit).mul_(scale)

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


def lean(x, name):
    return Lean.apply(x, name)


class ByRow(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, row):
        relative, smallest, low, high, scale_by = row.unbind()
        ratio = x.abs().max() / scale_by
        scale = torch.where(ratio >= 2.0**-126, ratio, torch.ones_like(ratio))
        y = torch.clamp(x / scale, low, high)
        power = (y.view(torch.int32) & 0x7F800000).view(torch.float32)
        unit = torch.maximum(power * relative, smallest)
        return torch.round(y / unit) * unit * scale

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


def by_row(x, row):
    return ByRow.apply(x, row)


INFINITE = float("inf")
# As toRow in src/format/Formats.ts: relative step, smallest step, lowest, highest, what absmax is scaled to.
ROWS = {f"INT{b}": [2.0 ** (1 - b), 1.0, -(2.0 ** (b - 1)), 2.0 ** (b - 1) - 1, 2.0 ** (b - 1) - 1] for b in range(2, 9)}
ROWS.update(
    {
        "E2M1": [2.0**-1, 2.0**-1, -6.0, 6.0, 6.0],
        "E3M2": [2.0**-2, 2.0**-4, -28.0, 28.0, 28.0],
        "E4M3": [2.0**-3, 2.0**-9, -448.0, 448.0, 448.0],
        "E5M2": [2.0**-2, 2.0**-16, -57344.0, 57344.0, 57344.0],
        "BF16": [2.0**-7, 2.0**-126, -INFINITE, INFINITE, INFINITE],
    }
)
