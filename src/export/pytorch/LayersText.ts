/** The layers of an exported `model.py` in PyTorch: each stands in the file where the network has it. */

/** Quantized layers: plain ones of `torch.nn` whose operands are rounded first. */
const matrixText = `
class QuantizedConv2d(nn.Conv2d):
    """A convolution of a rounded input with a rounded kernel. \`pad\`: zeros (left, right, top, bottom)."""

    def __init__(self, *sizes, pad=(0, 0, 0, 0), weights: nn.Module, activations: nn.Module, **options) -> None:
        super().__init__(*sizes, **options)
        self.pad, self.weights, self.activations = pad, weights, activations

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(self.activations(x), self.pad)
        return F.conv2d(x, self.weights(self.weight), self.bias, self.stride, dilation=self.dilation, groups=self.groups)


class QuantizedLinear(nn.Linear):
    """A product of a rounded input with a rounded weight."""

    def __init__(self, *sizes, weights: nn.Module, activations: nn.Module, **options) -> None:
        super().__init__(*sizes, **options)
        self.weights, self.activations = weights, activations

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(self.activations(x), self.weights(self.weight), self.bias)
`

const maxPoolText = `
def max_pool(x: Tensor, window: tuple[int, int], stride: tuple[int, int], pad: tuple[int, int, int, int]) -> Tensor:
    """Maximum over windows; padding (left, right, top, bottom) never wins."""
    return F.max_pool2d(F.pad(x, pad, value=-math.inf), window, stride)
`

const averagePoolText = `
def average_pool(x: Tensor, window: tuple[int, int], stride: tuple[int, int], pad: tuple[int, int, int, int]) -> Tensor:
    """Mean over windows; padding (left, right, top, bottom) does not count."""
    count = F.avg_pool2d(F.pad(torch.ones_like(x[:1, :1]), pad), window, stride, divisor_override=1)
    return F.avg_pool2d(F.pad(x, pad), window, stride, divisor_override=1) / count
`

const squeezeExciteText = `
class SqueezeExcite(nn.Module):
    """Every channel times a gate that two small float32 layers make of the channel means (arXiv 1709.01507)."""

    def __init__(
        self, channels: int, inner: int, activation: Callable[[Tensor], Tensor], gate: Callable[[Tensor], Tensor] = torch.sigmoid
    ) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Linear(channels, inner), nn.Linear(inner, channels)
        self.activation, self.gate = activation, gate

    def forward(self, x: Tensor) -> Tensor:
        inner = self.activation(self.squeeze(x.mean(dim=(2, 3))))
        return x * self.gate(self.excite(inner))[:, :, None, None]
`

const imageNormText = `
class ImageNorm(nn.LayerNorm):
    """A layer norm over the channels of every pixel of an image [batch, channels, height, width]."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
`

const layerScaleText = `
class LayerScale(nn.Module):
    """Every channel of an image or a vector times a factor (arXiv 2103.17239)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight.reshape(-1, *[1] * (x.dim() - 2))
`

const embedText = `
class EmbedTokens(nn.Module):
    """Patches [batch, channels, height, width] as tokens, a class token before them where there is one, plus positions."""

    def __init__(self, tokens: int, channels: int, has_class_token: bool) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.empty(tokens, channels))
        self.class_token = nn.Parameter(torch.empty(channels)) if has_class_token else None

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(2).transpose(1, 2)
        if self.class_token is not None:
            x = torch.cat([self.class_token.expand(x.shape[0], 1, -1), x], dim=1)
        return x + self.positions
`

const attentionText = `
class Attention(nn.Module):
    """softmax(q k^T / sqrt(head_dim)) v by heads. Channels of the input are [heads, (query, key, value), head_dim]."""

    def __init__(self, head_dim: int, query=None, key=None, probabilities=None, value=None) -> None:
        super().__init__()
        self.head_dim = head_dim
        self.query, self.key = query or nn.Identity(), key or nn.Identity()
        self.probabilities, self.value = probabilities or nn.Identity(), value or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        heads = x.unflatten(-1, (-1, 3 * self.head_dim)).transpose(1, 2)
        query, key, value = heads.chunk(3, dim=-1)
        scores = self.query(query * (1 / math.sqrt(self.head_dim))) @ self.key(key).transpose(-1, -2)
        taken = self.probabilities(scores.softmax(dim=-1)) @ self.value(value)
        return taken.transpose(1, 2).flatten(2)
`

/** By name, in the order in which they stand. */
export const layerTexts = {
  matrix: matrixText,
  maxPool: maxPoolText,
  averagePool: averagePoolText,
  squeezeExcite: squeezeExciteText,
  imageNorm: imageNormText,
  layerScale: layerScaleText,
  embedTokens: embedText,
  attention: attentionText,
} as const
export type LayerText = keyof typeof layerTexts
