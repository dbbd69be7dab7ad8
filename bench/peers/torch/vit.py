"""The network of bench/spaces/vit.yaml in PyTorch: a training step.

    python vit.py THREADS none|lean [--compile]

With `lean` (see quantize.py) every weight and input of a layer draws a format of that space at every step.
"""

import argparse
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

import quantize
from serve import serve, threads

parser = argparse.ArgumentParser()
parser.add_argument("threads", type=int)
parser.add_argument("quantizer", choices=["none", "lean"])
parser.add_argument("--compile", action="store_true")
options = parser.parse_args()
threads(options.threads)
width, heads, tokens, batch = 192, 3, 64, 64
generator = random.Random(1)


def quantized(x):
    return x if options.quantizer == "none" else quantize.lean(x, generator.choice(["E2M1", "E4M3", "BF16"]))


class Linear(nn.Linear):
    def forward(self, x):
        return F.linear(quantized(x), quantized(self.weight), self.bias)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = Linear(width, 3 * width), Linear(width, width)
        self.up, self.down = Linear(width, 4 * width), Linear(4 * width, width)

    def forward(self, x):
        b, n, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, n, 3, heads, width // heads).permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, width)
        x = x + self.out(y)
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class VisionTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, 4)
        self.positions = nn.Parameter(torch.randn(1, tokens, width) * 0.02)
        self.blocks = nn.Sequential(*[Block() for _ in range(6)])
        self.norm, self.classifier = nn.LayerNorm(width), Linear(width, 10)

    def forward(self, x):
        x = F.conv2d(quantized(x), quantized(self.patches.weight), self.patches.bias, 4).flatten(2).transpose(1, 2) + self.positions
        return self.classifier(self.norm(self.blocks(x)).mean(1))


network = VisionTransformer()
optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9)
model = torch.compile(network) if options.compile else network
images, labels = torch.randn(batch, 3, 32, 32), torch.arange(batch) % 10


def step():
    optimizer.zero_grad(set_to_none=True)
    logits = model(images)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    optimizer.step()
    return loss.item(), (logits.argmax(1) == labels).float().mean().item()


serve(step)
