/**
 * The rounding of `format/Format.ts` and `format/roundBlocks.ts` in PyTorch: the first half of an exported `model.py`.
 *
 * Left out: layers (`LayersText.ts`).
 */

/** Formats, scales, blocks and the module that rounds a tensor. */
export const roundingText = `
@dataclass(frozen=True)
class Format:
    """A number format. Its values lie on a grid: the step at y is 2^(max(exponent(y), min_exponent) - mantissa_bits)."""

    mantissa_bits: int
    min_exponent: int
    lo: float
    hi: float
    negative_zero: bool  # whether there is a code for -0
    scaled: bool  # whether a float32 scale belongs to it
    zero_point: bool = False  # whether the code of 0 is found with every scale; lo and hi are then those of the codes
    block: int = 0  # elements that share a scale of the format's own
    block_scale: str = ""  # "E8M0", a power of two, or "E4M3" under one float32 scale of the tensor


# The float that NVFP4 keeps its block scales in.
BLOCK_SCALE = Format(mantissa_bits=3, min_exponent=-6, lo=-448, hi=448, negative_zero=True, scaled=True)
SMALLEST_NORMAL = 2.0**-126


def round_to_grid(y: Tensor, fmt: Format) -> Tensor:
    """y, which is scaled already, clipped and rounded to the nearest value of the format, ties to even."""
    y = y.clamp(fmt.lo, fmt.hi)
    power = (y.view(torch.int32) & 0x7F800000).view(torch.float32)  # 2^exponent(y), from the bits of y
    smallest = 2.0 ** max(fmt.min_exponent - fmt.mantissa_bits, -126)
    step = (power * 2.0**-fmt.mantissa_bits).clamp(min=smallest)
    return torch.round(y / step) * step


def largest(rows: Tensor) -> Tensor:
    """The largest magnitude of every row: [rows, n] -> [rows, 1]."""
    return rows.abs().amax(dim=1, keepdim=True)


def round_rows(rows: Tensor, amax: Tensor, fmt: Format, zero_point: int | None = None) -> Tensor:
    """Rows that each have one float32 scale: the largest value of the format stands for \`amax\`, [rows, 1].

    With a zero point that is found, values beyond \`amax\` are clipped; with one that is known, \`amax\` is the whole range.
    """
    if fmt.zero_point:
        least = rows.amin(dim=1, keepdim=True).clamp(max=0).maximum(-amax)
        if zero_point is None:
            amax = rows.amax(dim=1, keepdim=True).clamp(min=0).minimum(amax) - least
        scale = amax / fmt.hi
        scale = torch.where(scale >= SMALLEST_NORMAL, scale, torch.ones_like(scale))
        code = torch.round(-least / scale) if zero_point is None else torch.full_like(scale, zero_point)
        return torch.round((rows / scale).clamp(-code, fmt.hi - code)) * scale
    scale = amax / fmt.hi if fmt.scaled else torch.ones_like(amax)
    scale = torch.where(scale >= SMALLEST_NORMAL, scale, torch.ones_like(scale))
    return round_to_grid(rows / scale, fmt) * scale


def round_mx(blocks: Tensor, fmt: Format, shared_exponent: str) -> Tensor:
    """Micro-scaled blocks [blocks, n] (OCP MX 1.0): each is scaled by a power of two."""
    increment = {
        "floor": 0,
        "ceil": 2**23 - 1,
        "even": 2 ** (22 - fmt.mantissa_bits),
        "roundUp": 2**24 - 1 - int(math.frexp(fmt.hi)[0] * 2**24),
    }[shared_exponent]
    top = largest(blocks)
    exponent = (top.view(torch.int32) + increment) >> 23
    exponent = exponent - math.frexp(fmt.hi)[1] + 1
    scale = (exponent.clamp(1, 254) << 23).view(torch.float32)
    scale = scale + top * 0  # NaN for a block with an infinity or NaN
    return round_to_grid(blocks / scale, fmt) * scale


def round_nvfp4(blocks: Tensor, amax: Tensor, fmt: Format) -> Tensor:
    """Blocks [blocks, n] with E4M3 scales, under one float32 scale of the tensor from \`amax\`."""
    tensor_scale = amax / (fmt.hi * BLOCK_SCALE.hi)
    block_scale = round_to_grid(largest(blocks) / fmt.hi / tensor_scale, BLOCK_SCALE)
    block_scale = torch.where(tensor_scale < SMALLEST_NORMAL, torch.zeros_like(block_scale), block_scale)
    scale = block_scale * tensor_scale
    rounded = round_to_grid(blocks / scale, fmt) * block_scale * tensor_scale
    return torch.where(scale < SMALLEST_NORMAL, blocks * 0, rounded)


def amax_of(rows: Tensor, counts: Tensor, fmt: Format, rule: str, percentile: float) -> Tensor:
    """The amax that each row's scale comes from, [rows, 1]. \`counts\`: how many values of a row are not padding."""
    top = largest(rows)
    if rule == "mse":  # the part of max |x| whose rounding errs least
        best, least = top, torch.full_like(top, math.inf, dtype=torch.float64)
        for part in (1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2):
            clip = top * part
            error = (round_rows(rows, clip, fmt) - rows).double().square().sum(dim=1, keepdim=True)
            best, least = torch.where(error < least, clip, best), torch.minimum(error, least)
        return best
    if rule == "percentile":  # max |x| without the largest of the values
        share = torch.tensor(1 - percentile / 100, dtype=torch.float32)
        left_out = torch.minimum((counts * share).floor().long(), counts - 1)
        return rows.abs().sort(dim=1, descending=True).values.gather(1, left_out)
    return top


def into_blocks(x: Tensor, axis: int, size: int) -> tuple[Tensor, Tensor, Callable[[Tensor], Tensor]]:
    """x as blocks [blocks, size] along \`axis\`, filled up with zeros; how many values each has; and the way back."""
    moved = x.movedim(axis, -1)
    n = moved.shape[-1]
    padded = F.pad(moved, (0, -n % size))
    counts = torch.full((padded.numel() // size, 1), size, dtype=torch.long, device=x.device)
    counts.view(-1, padded.shape[-1] // size)[:, -1] = size - (-n % size)
    return padded.reshape(-1, size), counts, lambda rows: rows.reshape(padded.shape)[..., :n].movedim(-1, axis)


class StraightThrough(torch.autograd.Function):
    """Rounds; the gradient passes as if nothing had been rounded."""

    @staticmethod
    def forward(ctx, x: Tensor, quantize: "Quantize") -> Tensor:
        return quantize.rounded(x)

    @staticmethod
    def backward(ctx, dy: Tensor) -> tuple[Tensor, None]:
        return dy, None


class Quantize(nn.Module):
    """Fake quantization: a float32 tensor with every number rounded to a format.

    granularity: what one float32 scale covers: "tensor"; "channel", every index along \`axis\`; "token", the last dimension;
        "block", \`block\` numbers along \`axis\`.
    amax: the frozen amax that the scale comes from; None finds it in the numbers by \`rule\`.
    zero_point: the frozen code of 0; None finds it with the scale, in formats that have one.
    axis: also the dimension along which blocks of block formats run.
    """

    def __init__(
        self,
        fmt: Format,
        *,
        granularity: str = "tensor",
        axis: int = -1,
        block: int = 0,
        amax: float | None = None,
        zero_point: int | None = None,
        rule: str = "absmax",
        percentile: float = 100,
        shared_exponent: str = "floor",
    ) -> None:
        super().__init__()
        self.fmt, self.granularity, self.axis, self.block = fmt, granularity, axis, block
        self.zero_point = zero_point
        self.amax, self.rule, self.percentile, self.shared_exponent = amax, rule, percentile, shared_exponent

    def forward(self, x: Tensor) -> Tensor:
        return StraightThrough.apply(x, self)

    def rounded(self, x: Tensor) -> Tensor:
        fmt = self.fmt
        if fmt.block:
            blocks, _, back = into_blocks(x, self.axis, fmt.block)
            if fmt.block_scale == "E8M0":
                result = round_mx(blocks, fmt, self.shared_exponent)
            else:
                result = round_nvfp4(blocks, self.frozen(largest(x.reshape(1, -1))), fmt)
        else:
            rows, counts, back = self.into_rows(x)
            if self.amax is None:
                amax = amax_of(rows, counts, fmt, self.rule, self.percentile)
            else:
                amax = self.frozen(largest(rows))
            result = round_rows(rows, amax, fmt, self.zero_point)
        result = back(result)
        return result if fmt.negative_zero else result + 0.0  # -0 becomes 0

    def frozen(self, found: Tensor) -> Tensor:
        return found if self.amax is None else torch.full_like(found, self.amax)

    def into_rows(self, x: Tensor) -> tuple[Tensor, Tensor, Callable[[Tensor], Tensor]]:
        """x as a matrix whose rows share a scale each, how many numbers a row has, and the way back."""
        if self.granularity == "block":
            return into_blocks(x, self.axis, self.block)
        if self.granularity == "channel":
            moved = x.movedim(self.axis, 0)
            rows, back = moved.flatten(1), lambda rows: rows.reshape(moved.shape).movedim(0, self.axis)
        elif self.granularity == "token":
            rows, back = x.reshape(-1, x.shape[-1]), lambda rows: rows.reshape(x.shape)
        else:
            rows, back = x.reshape(1, -1), lambda rows: rows.reshape(x.shape)
        return rows, torch.full((rows.shape[0], 1), rows.shape[1], device=x.device), back
`
