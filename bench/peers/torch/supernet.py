"""The network of bench/spaces/supernet.yaml in PyTorch: a training step under another random architecture each time.

    python supernet.py THREADS random|largest none|lean

Weights are sliced, kernels from their centre, as PyTorch users write supernets; blocks that are left out do not run.
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
parser.add_argument("architecture", choices=["random", "largest"])
parser.add_argument("quantizer", choices=["none", "lean"])
options = parser.parse_args()
threads(options.threads)
formats = ["INT4", "INT8", "E4M3", "BF16"]
# (depths, widths, stride)
stages = [
    ([1, 2], [16, 24], 1),
    ([2, 3], [24, 32], 2),
    ([1, 2, 3], [48, 64], 2),
    ([1, 2], [48, 72, 96], 1),
]
kernels, expansions, batch = [3, 5, 7], [3, 6], 64
generator = random.Random(1)


def choose(among):
    return among[-1] if options.architecture == "largest" else generator.choice(among)


def quantized(x):
    return x if options.quantizer == "none" else quantize.lean(x, generator.choice(formats))


class Norm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, x):
        n = x.shape[1]
        return F.batch_norm(x, self.mean[:n], self.variance[:n], self.weight[:n], self.bias[:n], True, 0.1)


def weight(*shape):
    return nn.Parameter(torch.randn(*shape) * (2 / (shape[1] * shape[2] * shape[3])) ** 0.5)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        middle = 6 * inputs
        self.stride = stride
        self.expand, self.expand_norm = weight(middle, inputs, 1, 1), Norm(middle)
        self.depthwise, self.depthwise_norm = weight(middle, 1, 7, 7), Norm(middle)
        self.project, self.project_norm = weight(outputs, middle, 1, 1), Norm(outputs)

    def forward(self, x, outputs):
        inputs = x.shape[1]
        middle, kernel = inputs * choose(expansions), choose(kernels)
        edge = (7 - kernel) // 2
        y = F.conv2d(quantized(x), quantized(self.expand[:middle, :inputs]))
        y = F.relu6(self.expand_norm(y))
        filters = self.depthwise[:middle, :, edge : edge + kernel, edge : edge + kernel]
        y = F.conv2d(quantized(y), quantized(filters), None, self.stride, kernel // 2, groups=middle)
        y = F.relu6(self.depthwise_norm(y))
        y = self.project_norm(F.conv2d(quantized(y), quantized(self.project[:outputs, :middle])))
        return y + x if self.stride == 1 and y.shape == x.shape else y


class Supernet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.stem_norm = weight(16, 3, 3, 3), Norm(16)
        self.stages, inputs = nn.ModuleList(), 16
        for depths, widths, stride in stages:
            blocks = nn.ModuleList()
            for repeat in range(depths[-1]):
                blocks.append(Block(inputs, widths[-1], stride if repeat == 0 else 1))
                inputs = widths[-1]
            self.stages.append(blocks)
        self.head, self.head_norm = weight(192, inputs, 1, 1), Norm(192)
        self.classifier = nn.Linear(192, 10)

    def forward(self, x):
        x = F.relu(self.stem_norm(F.conv2d(quantized(x), quantized(self.stem), padding=1)))
        for blocks, (depths, widths, _) in zip(self.stages, stages):
            depth, width = choose(depths), choose(widths)
            for block in blocks[:depth]:
                x = block(x, width)
        x = F.conv2d(quantized(x), quantized(self.head[:, : x.shape[1]]))
        x = F.relu(self.head_norm(x)).mean((2, 3))
        return F.linear(quantized(x), quantized(self.classifier.weight), self.classifier.bias)


network = Supernet().to(memory_format=torch.channels_last)
optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9)
images = torch.randn(batch, 3, 32, 32).to(memory_format=torch.channels_last)
labels = torch.randint(0, 10, (batch,))


def step():
    optimizer.zero_grad(set_to_none=True)
    logits = network(images)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    optimizer.step()
    return loss.item(), (logits.argmax(1) == labels).float().mean().item()


serve(step, warm=16)
