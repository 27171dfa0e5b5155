"""The student network of train.py and export.py. Dense 3x3 convolutions, since CPUs run these fastest per weight."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from crops import HEIGHT, WIDTH

DIMENSIONS = 256
STEM_CHANNELS, STAGE_CHANNELS, BLOCKS_PER_STAGE, HEAD_CHANNELS = 16, (32, 64, 96), 2, 256


def convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))


class Block(nn.Module):
    """Two 3x3 convolutions around a shortcut; the first may halve the picture."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first, self.second = convolution(inputs, outputs, 3, stride), convolution(outputs, outputs, 3)
        unchanged = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if unchanged else convolution(inputs, outputs, 1, stride)

    def forward(self, image: Tensor) -> Tensor:
        inner = functional.relu(self.first(image))
        return functional.relu(self.second(inner) + self.shortcut(image))


class Embedder(nn.Module):
    """uint8 [N,128,64,3] RGB -> float32 [N,256] unit vectors. Each place of the last 8x4 map is weighted."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = convolution(3, STEM_CHANNELS, 3, 2)
        blocks, inputs = [], STEM_CHANNELS
        for outputs in STAGE_CHANNELS:
            for index in range(BLOCKS_PER_STAGE):
                blocks.append(Block(inputs, outputs, 2 if index == 0 else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.widen = convolution(inputs, HEAD_CHANNELS, 1)
        places = (HEIGHT // 16, WIDTH // 16)
        self.pool = nn.Parameter(torch.full((HEAD_CHANNELS, *places), 1 / (places[0] * places[1])))
        self.pool_norm = nn.BatchNorm1d(HEAD_CHANNELS)
        self.project = nn.Linear(HEAD_CHANNELS, DIMENSIONS)

    def forward(self, image: Tensor) -> Tensor:
        scaled = image.permute(0, 3, 1, 2).float() * (1 / 58) - 2
        features = self.blocks(functional.relu(self.stem(scaled)))
        pooled = (functional.relu(self.widen(features)) * self.pool).sum((2, 3))
        return functional.normalize(self.project(self.pool_norm(pooled)).float())


def parameters(model: nn.Module) -> int:
    return sum(weights.numel() for weights in model.parameters())


def load(path: Path) -> Embedder:
    """The averaged weights of a checkpoint of train.py, for inference."""
    model = Embedder()
    model.load_state_dict(torch.load(path, weights_only=True)["average"])
    return model.eval()
