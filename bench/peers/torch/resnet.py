"""ResNet-20 for CIFAR or ResNet-18 for ImageNet, as spaces/resnet20.yaml and resnet18.yaml: a training or an evaluation
step of PyTorch.

    python resnet.py THREADS resnet20|resnet18 QUANTIZER FORMAT [--compile] [--evaluate] [--batch 64]

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
parser.add_argument("network", choices=["resnet20", "resnet18"])
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
    def __init__(self, inputs, outputs, stride, projects):
        super().__init__()
        self.first, self.first_norm = Conv(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
        self.second, self.second_norm = Conv(outputs, outputs, 3, 1), nn.BatchNorm2d(outputs)
        self.shortcut = None
        if projects:
            self.shortcut = nn.Sequential(Conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class ResNet(nn.Module):
    """`always`: the first stage has a projection too."""

    def __init__(self, stem, pool, widths, repeats, classes, always):
        super().__init__()
        inputs = widths[0]
        self.stem, self.stem_norm, self.pool = Conv(3, inputs, *stem), nn.BatchNorm2d(inputs), pool
        blocks = []
        for stage, outputs in enumerate(widths):
            for repeat in range(repeats):
                first = repeat == 0 and (stage > 0 or always)
                stride = 2 if repeat == 0 and stage > 0 else 1
                blocks.append(Block(inputs, outputs, stride, first))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.classifier = Dense(inputs, classes)

    def forward(self, x):
        x = self.blocks(self.pool(F.relu(self.stem_norm(self.stem(x)))))
        return self.classifier(x.mean((2, 3)))


if options.network == "resnet20":
    size, classes = 32, 10
    network = ResNet((3, 1), nn.Identity(), (16, 32, 64), 3, classes, always=False)
else:
    size, classes = 224, 1000
    network = ResNet((7, 2), nn.MaxPool2d(3, 2, 1), (64, 128, 256, 512), 2, classes, always=True)
network = network.to(memory_format=torch.channels_last)
rows = torch.tensor([quantize.ROWS.get(names[0], quantize.ROWS["INT4"])] * len(sites))
weights = [p for p in network.parameters() if p.ndim > 1]
others = [p for p in network.parameters() if p.ndim <= 1]
optimizer = torch.optim.SGD([{"params": weights, "weight_decay": 5e-4}, {"params": others}], 0.01, momentum=0.9)
model = torch.compile(network) if options.compile else network
images = torch.randn(options.batch, 3, size, size).to(memory_format=torch.channels_last)
labels = torch.randint(0, classes, (options.batch,))
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
