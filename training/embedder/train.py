"""Trains the student on the shards of views.py. Stop it at any time: it goes on after the last whole epoch."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from augment import camera, occlude
from crops import Crops, load_crops
from evaluate import across_cameras, onto_unseen_camera
from model import Embedder, parameters
from paths import CACHE

VIEWS, PEOPLE, CROPS_OF_PERSON = 104, 8, 3  # in a batch: altered views; known people with crops of each
STEPS = 500  # in an epoch
PEAK_RATE, WARM_UP_STEPS, WEIGHT_DECAY, AVERAGE = 2e-3, 300, 0.02, 0.998
GEOMETRY, RANKING, IDENTITY = 8.0, 0.3, 0.004  # weights of the losses beside the direct regression
TEMPERATURE, CIRCLE_MARGIN, CIRCLE_SCALE = 0.07, 0.3, 24.0


class Batches:
    """Draws batches from all shards and the clean crops; half of the pictures pass another simulated camera."""

    def __init__(self) -> None:
        shards = [np.load(path) for path in sorted((CACHE / "views").glob("[0-9][0-9][0-9].npz"))]
        self.images = [shard["images"] for shard in shards]
        self.vectors = [shard["vectors"] for shard in shards]
        crops = load_crops().trainable()
        self.clean, self.clean_vectors = crops, np.load(CACHE / "views" / "clean.npy")
        self.people = [np.flatnonzero(crops.identity == p) for p in np.unique(crops.identity) if p >= 0]

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Images uint8 [N,128,64,3], vectors float32 [N,256], identity int64 [N] (-1: unknown)."""
        shard, row = rng.integers(len(self.images), size=VIEWS), rng.integers(len(self.images[0]), size=VIEWS)
        pictures = [self.images[s][r] for s, r in zip(shard, row)]
        vectors = [self.vectors[s][r] for s, r in zip(shard, row)]
        for person in rng.choice(len(self.people), PEOPLE, replace=False):
            for crop in rng.choice(self.people[person], CROPS_OF_PERSON):
                pictures.append(self.clean.images[crop])
                vectors.append(self.clean_vectors[crop])
        identity = np.concatenate([np.full(VIEWS, -1), np.repeat(np.arange(PEOPLE), CROPS_OF_PERSON)])
        altered = [self.alter(rng, picture, pictures[rng.integers(len(pictures))]) for picture in pictures]
        stacked = np.stack(altered), np.stack(vectors).astype(np.float32), identity
        return tuple(torch.from_numpy(part) for part in stacked)

    @staticmethod
    def alter(rng: np.random.Generator, picture: np.ndarray, other: np.ndarray) -> np.ndarray:
        if rng.random() < 0.5:
            picture = camera(rng, picture)
        return occlude(rng, picture, other) if rng.random() < 0.1 else picture


def loss_of(student: Tensor, teacher: Tensor, identity: Tensor) -> dict[str, Tensor]:
    """Direct regression, squared error of the cosines of all pairs, their ranking, and identities where known."""
    off_diagonal = ~torch.eye(len(student), dtype=torch.bool)
    ours, theirs = (x @ x.T for x in (student, teacher))
    ranked = functional.log_softmax(ours[off_diagonal].view(len(student), -1) / TEMPERATURE, 1)
    wanted = functional.softmax(theirs[off_diagonal].view(len(student), -1) / TEMPERATURE, 1)
    return {
        "direct": 1 - (student * teacher).sum(1).mean(),
        "geometry": GEOMETRY * (ours - theirs)[off_diagonal].square().mean(),
        "ranking": RANKING * functional.kl_div(ranked, wanted, reduction="batchmean"),
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


def figures_of(model: torch.nn.Module, held: Crops) -> dict[str, float]:
    model.eval()
    with torch.no_grad():
        vectors = np.concatenate([model(torch.from_numpy(part)).numpy() for part in np.array_split(held.images, 8)])
    seen, unseen = across_cameras(vectors, held), onto_unseen_camera(vectors, held)
    accepted = seen["trueAcceptsAt1PercentFalse"]
    return {"rank1": seen["rank1"], "mAP": seen["mAP"], "accepted": accepted, "unseenMAP": unseen["mAP"]}


def rate_at(step: int, total: int) -> float:
    warm = min(1.0, (step + 1) / WARM_UP_STEPS)
    return PEAK_RATE * warm * (0.01 + 0.99 * (1 + math.cos(math.pi * min(1, step / total))) / 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=24, help=f"epochs of {STEPS} batches in the whole schedule")
    parser.add_argument("--run", type=Path, default=CACHE / "run", help="folder of the checkpoints")
    options = parser.parse_args()
    options.run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    torch.manual_seed(0)
    crops = load_crops()
    held = crops.take(crops.held_out)
    model = Embedder().to(memory_format=torch.channels_last)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE), use_buffers=True)
    optimizer = torch.optim.AdamW(model.parameters(), PEAK_RATE, weight_decay=WEIGHT_DECAY)
    done, latest = 0, options.run / "latest.pt"
    if latest.exists():
        saved = torch.load(latest, weights_only=True)
        model.load_state_dict(saved["model"])
        average.module.load_state_dict(saved["average"])
        average.n_averaged.fill_(1)
        optimizer.load_state_dict(saved["optimizer"])
        done = saved["epoch"]
    print(f"{parameters(model)} parameters, epoch {done} of {options.epochs}", flush=True)
    for epoch in range(done, options.epochs):
        batches, rng = Batches(), np.random.default_rng([1, epoch])
        model.train()
        bar = tqdm(range(STEPS), desc=f"epoch {epoch + 1} ({len(batches.images)} shards)", mininterval=5)
        for step in bar:
            for group in optimizer.param_groups:
                group["lr"] = rate_at(epoch * STEPS + step, options.epochs * STEPS)
            images, teacher, identity = batches.draw(rng)
            with torch.autocast("cpu", torch.bfloat16):
                student = model(images)
            losses = loss_of(student, teacher, identity)
            optimizer.zero_grad()
            sum(losses.values()).backward()
            optimizer.step()
            average.update_parameters(model)
            if step % 20 == 0:
                bar.set_postfix({name: f"{value.item():.3f}" for name, value in losses.items()})
        parts = {"model": model, "average": average.module, "optimizer": optimizer}
        state = {name: part.state_dict() for name, part in parts.items()}
        torch.save(state | {"epoch": epoch + 1}, latest.with_suffix(".part"))
        latest.with_suffix(".part").rename(latest)
        result = {name: round(value, 4) for name, value in figures_of(average.module, held).items()}
        with (options.run / "log.txt").open("a") as log:
            print(epoch + 1, result, {name: round(value.item(), 4) for name, value in losses.items()}, file=log)
        tqdm.write(f"epoch {epoch + 1}: {result}")


if __name__ == "__main__":
    main()
