"""What train.py minimises: how far the student's vectors and last map are from the teacher's."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

GEOMETRY, RANKING, MAP, IDENTITY = 8.0, 0.3, 0.5, 0.004  # weights of the losses beside the direct regression
TEMPERATURE, CIRCLE_MARGIN, CIRCLE_SCALE = 0.07, 0.3, 24.0


def losses_of(
    student: Tensor, guess: Tensor, teacher: Tensor, places: Tensor, identity: Tensor
) -> dict[str, Tensor]:
    """Direct regression, squared error of the cosines of all pairs, their ranking, the map, identities where known.

    student, teacher [N,256] unit vectors; guess, places [N,128,PARTS], places all 0: unknown; identity [N], -1: unknown."""
    mapped = places.any(2).any(1)
    off_diagonal = ~torch.eye(len(student), dtype=torch.bool)
    ours, theirs = (x @ x.T for x in (student, teacher))
    ranked = functional.log_softmax(ours[off_diagonal].view(len(student), -1) / TEMPERATURE, 1)
    wanted = functional.softmax(theirs[off_diagonal].view(len(student), -1) / TEMPERATURE, 1)
    return {
        "direct": 1 - (student * teacher).sum(1).mean(),
        "geometry": GEOMETRY * (ours - theirs)[off_diagonal].square().mean(),
        "ranking": RANKING * functional.kl_div(ranked, wanted, reduction="batchmean"),
        "map": MAP * (guess - places)[mapped].square().mean() / places[mapped].square().mean(),
        "identity": IDENTITY * circle_loss(student[identity >= 0], identity[identity >= 0]),
    }


def circle_loss(vectors: Tensor, identity: Tensor) -> Tensor:
    """Circle loss over the pairs of a batch (Sun et al. 2020), on cosines."""
    upper = torch.ones(len(vectors), len(vectors), dtype=torch.bool).triu(1)
    cosine, same = (vectors @ vectors.T)[upper], (identity[:, None] == identity[None])[upper]
    genuine, impostor = cosine[same], cosine[~same]
    pull = (1 + CIRCLE_MARGIN - genuine).detach().clamp(0) * (genuine - 1 + CIRCLE_MARGIN)
    push = (impostor + CIRCLE_MARGIN).detach().clamp(0) * (impostor - CIRCLE_MARGIN)
    return functional.softplus(torch.logsumexp(CIRCLE_SCALE * push, 0) + torch.logsumexp(-CIRCLE_SCALE * pull, 0))
