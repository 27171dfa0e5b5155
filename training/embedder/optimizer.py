"""The optimizers of train.py: Muon for convolutions, which learn more from a picture with it, AdamW for the rest."""

from __future__ import annotations

from typing import Iterable

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

MOMENTUM, ROUNDS = 0.95, 5
FIFTH_ORDER = 3.4445, -4.7750, 2.0315  # of the iteration that drives singular values towards 1 (Jordan 2024)


class Muon(Optimizer):
    """Momentum whose step on each weight, taken as a matrix, has singular values near 1 (Jordan et al. 2024)."""

    def __init__(self, weights: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for weights in group["params"]:
                momentum = self.state[weights].setdefault("momentum", torch.zeros_like(weights))
                momentum.lerp_(weights.grad, 1 - MOMENTUM)
                change = orthogonal(weights.grad.lerp(momentum, MOMENTUM).reshape(len(weights), -1))
                change *= max(1, change.shape[0] / change.shape[1]) ** 0.5
                weights.mul_(1 - group["lr"] * group["weight_decay"])
                weights.add_(change.reshape(weights.shape), alpha=-group["lr"])


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest matrix with singular values near 1, without a decomposition."""
    tall = matrix.shape[0] > matrix.shape[1]
    wide = matrix.T if tall else matrix
    wide = wide / (wide.norm() + 1e-7)
    linear, cubic, quintic = FIFTH_ORDER
    for _ in range(ROUNDS):
        square = wide @ wide.T
        wide = linear * wide + (cubic * square + quintic * square @ square) @ wide
    return wide.T if tall else wide


def optimizers(model: nn.Module, muon: tuple[float, float], adam: tuple[float, float]) -> dict[str, Optimizer]:
    """By name; muon and adam are (peak rate, weight decay). Each group remembers its peak as initial_lr."""
    filters = [weights for weights in model.parameters() if weights.ndim == 4]
    others = [weights for weights in model.parameters() if weights.ndim != 4]
    made: dict[str, Optimizer] = {"muon": Muon(filters, *muon), "adam": AdamW(others, adam[0], weight_decay=adam[1])}
    for optimizer in made.values():
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return made


def set_rate(made: dict[str, Optimizer], share: float) -> None:
    for optimizer in made.values():
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * share
