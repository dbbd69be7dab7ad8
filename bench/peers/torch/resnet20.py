"""ResNet-20 for CIFAR with projections, as spaces/resnet20.yaml: a training or an evaluation step of PyTorch.

    python resnet20.py THREADS QUANTIZER FORMAT [--compile] [--evaluate] [--batch 64]

QUANTIZER is none, published, lean or by_row (see quantize.py); FORMAT is one name for every weight and input, or several
with commas between, of which every site draws one at every step. The batch is normalised once, before the first step.
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
parser.add_argument("quantizer", choices=["none", "published", "lean", "by_row"])
parser.add_argument("format")
parser.add_argument("--compile", action="store_true")
parser.add_argument("--evaluate", action="store_true")
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--warm", type=int, default=8)
options = parser.parse_args()
threads(options.threads)
names = options.format.split(",")
sites = []


class Site:
    """Where a tensor is quantized; `format` is what this step says."""

    def __init__(self):
        self.index = len(sites)
        self.format = names[0]
        sites.append(self)

    def __call__(self, x):
        if options.quantizer == "published":
            return quantize.published(x, int(self.format[3:]))
        if options.quantizer == "lean":
            return quantize.lean(x, self.format)
        if options.quantizer == "by_row":
            return quantize.by_row(x, rows[self.index])
        return x


class Conv(nn.Conv2d):
    def __init__(self, inputs, outputs, kernel, stride):
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.of_weight, self.of_input = Site(), Site()

    def forward(self, x):
        return F.conv2d(self.of_input(x), self.of_weight(self.weight), None, self.stride, self.padding)


class Dense(nn.Linear):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.of_weight, self.of_input = Site(), Site()

    def forward(self, x):
        return F.linear(self.of_input(x), self.of_weight(self.weight), self.bias)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first, self.first_norm = Conv(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
        self.second, self.second_norm = Conv(outputs, outputs, 3, 1), nn.BatchNorm2d(outputs)
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(Conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.stem_norm = Conv(3, 16, 3, 1), nn.BatchNorm2d(16)
        blocks, inputs = [], 16
        for outputs, stride in ((16, 1), (32, 2), (64, 2)):
            for repeat in range(3):
                blocks.append(Block(inputs, outputs, stride if repeat == 0 else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.classifier = Dense(64, 10)

    def forward(self, x):
        x = self.blocks(F.relu(self.stem_norm(self.stem(x))))
        return self.classifier(x.mean((2, 3)))


network = ResNet20().to(memory_format=torch.channels_last)
rows = torch.tensor([quantize.ROWS.get(names[0], quantize.ROWS["INT4"])] * len(sites))
weights = [p for p in network.parameters() if p.ndim > 1]
others = [p for p in network.parameters() if p.ndim <= 1]
optimizer = torch.optim.SGD([{"params": weights, "weight_decay": 5e-4}, {"params": others}], 0.01, momentum=0.9)
model = torch.compile(network) if options.compile else network
images = torch.randn(options.batch, 3, 32, 32).to(memory_format=torch.channels_last)
labels = torch.randint(0, 10, (options.batch,))
generator = random.Random(1)


def draw():
    if len(names) == 1:
        return
    for site in sites:
        site.format = generator.choice(names)
    rows.copy_(torch.tensor([quantize.ROWS[site.format] for site in sites]))


def train():
    draw()
    optimizer.zero_grad(set_to_none=True)
    logits = model(images)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    optimizer.step()
    return loss.item(), (logits.argmax(1) == labels).float().mean().item()


def evaluate():
    with torch.no_grad():
        return (model(images).argmax(1) == labels).tolist()


if options.evaluate:
    network.eval()
serve(evaluate if options.evaluate else train, options.warm)
