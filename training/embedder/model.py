"""The student network of train.py and export.py. Dense 3x3 convolutions, since CPUs run these fastest per weight."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from crops import HEIGHT, WIDTH

DIMENSIONS = 256
PATCH = 4  # pixels of a side that become one place at once: thin layers on large maps cost more than they teach
STAGES = ((64, 2, 1), (96, 2, 2))  # channels, blocks, stride of the first block
HEAD_CHANNELS = 256
ROWS, COLUMNS = HEIGHT // 8, WIDTH // 8  # of the last map


def convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))


class Gate(nn.Module):
    """Scales each channel by what the whole picture holds (squeeze and excitation, Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(channels, channels // 4), nn.Linear(channels // 4, channels)

    def forward(self, image: Tensor) -> Tensor:
        share = torch.sigmoid(self.outer(functional.relu(self.inner(image.mean((2, 3))))))
        return image * share[:, :, None, None]


class Block(nn.Module):
    """Two 3x3 convolutions around a shortcut; the first may halve the picture."""

    def __init__(self, inputs: int, outputs: int, stride: int, gated: bool) -> None:
        super().__init__()
        self.first, self.second = convolution(inputs, outputs, 3, stride), convolution(outputs, outputs, 3)
        self.gate = Gate(outputs) if gated else nn.Identity()
        unchanged = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if unchanged else convolution(inputs, outputs, 1, stride)

    def forward(self, image: Tensor) -> Tensor:
        inner = functional.relu(self.first(image))
        return functional.relu(self.gate(self.second(inner)) + self.shortcut(image))


class Embedder(nn.Module):
    """uint8 [N,128,64,3] RGB -> float32 [N,256] unit vectors. Each row and column of the last 16x8 map is weighted."""

    def __init__(self) -> None:
        super().__init__()
        inputs = STAGES[0][0]
        self.stem = convolution(3 * PATCH * PATCH, inputs, 3)
        blocks = []
        for outputs, count, stride in STAGES:
            for index in range(count):
                blocks.append(Block(inputs, outputs, 1 if index else stride, gated=index == count - 1))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.widen = convolution(inputs, HEAD_CHANNELS, 1)
        self.rows = nn.Parameter(torch.full((HEAD_CHANNELS, ROWS, 1), 1 / ROWS))
        self.columns = nn.Parameter(torch.full((HEAD_CHANNELS, 1, COLUMNS), 1 / COLUMNS))
        self.pool_norm = nn.BatchNorm1d(HEAD_CHANNELS)
        self.project = nn.Linear(HEAD_CHANNELS, DIMENSIONS)

    def last_map(self, image: Tensor) -> Tensor:
        """float [N,256,16,8], not negative."""
        features = self.blocks(functional.relu(self.stem(self.patches(image))))
        return functional.relu(self.widen(features))

    def vectors(self, last_map: Tensor) -> Tensor:
        pooled = (last_map * (self.rows * self.columns)).sum((2, 3))
        return functional.normalize(self.project(self.pool_norm(pooled)).float())

    def forward(self, image: Tensor) -> Tensor:
        return self.vectors(self.last_map(image))

    @staticmethod
    def patches(image: Tensor) -> Tensor:
        """float32 [N,48,32,16]: each colour of a picture with mean 0 and deviation 1, so that exposure and casts go."""
        cut = image.reshape(-1, HEIGHT // PATCH, PATCH, WIDTH // PATCH, PATCH, 3).transpose(2, 3).float()
        cut = cut - cut.mean((1, 2, 3, 4), keepdim=True)
        cut = cut / (cut.square().mean((1, 2, 3, 4), keepdim=True) + 1).sqrt()
        return cut.reshape(-1, HEIGHT // PATCH, WIDTH // PATCH, 3 * PATCH * PATCH).permute(0, 3, 1, 2)


def parameters(model: nn.Module) -> int:
    return sum(weights.numel() for weights in model.parameters())


def load(path: Path) -> Embedder:
    """The averaged weights of a checkpoint of train.py, for inference."""
    model = Embedder()
    model.load_state_dict(torch.load(path, weights_only=True)["average"])
    return model.eval()
