"""Trains the student on the shards of views.py. Stop it at any time: it goes on after the last whole epoch."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from batches import Batches
from crops import Crops, load_crops
from evaluate import across_cameras, onto_unseen_camera, without_camera_means
from losses import losses_of
from model import HEAD_CHANNELS, Embedder, parameters
from optimizer import optimizers, set_rate
from paths import CACHE
from views import PARTS

STEPS = 250  # in an epoch
MUON, ADAM = (0.03, 0.05), (3e-3, 0.02)  # peak rate, weight decay
WARM_UP_STEPS, FALLING, AVERAGE = 200, 0.6, 0.998  # FALLING: last share of the schedule


class Pupil(nn.Module):
    """The student and, for training only, what guesses the teacher's last map from the student's."""

    def __init__(self) -> None:
        super().__init__()
        self.embedder = Embedder()
        self.guess = nn.Conv2d(HEAD_CHANNELS, PARTS, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Unit vectors [N,256] and guessed places [N,128,PARTS]."""
        last_map = self.embedder.last_map(images)
        return self.embedder.vectors(last_map), self.guess(last_map).flatten(2).transpose(1, 2)


def figures_of(model: Embedder, held: Crops) -> dict[str, float]:
    """rank-1 and mAP of people never seen: between all cameras, with the unseen one, and there without camera means."""
    model.eval()
    with torch.no_grad():
        vectors = np.concatenate([model(torch.from_numpy(part)).numpy() for part in np.array_split(held.images, 8)])
    centred = without_camera_means(vectors, held.camera)
    parts = {
        "": across_cameras(vectors, held),
        "unseen ": onto_unseen_camera(vectors, held),
        "unseen centred ": onto_unseen_camera(centred, held),
    }
    chosen = {"rank1": "rank-1", "mAP": "mAP", "trueAcceptsAt1PercentFalse": "accepted"}
    return {part + name: round(parts[part][key], 3) for part in parts for key, name in chosen.items()}


def share_of_rate(step: int, total: int) -> float:
    """Of the peak rate: flat, then falling to zero. While it is flat, the number of epochs can still be changed."""
    return min((step + 1) / WARM_UP_STEPS, 1, (total - step) / (total * FALLING))


class Training:
    """All state that a checkpoint holds; `run` trains from there to the end of the schedule."""

    def __init__(self, folder: Path, epochs: int) -> None:
        self.folder, self.epochs, self.done = folder, epochs, 0
        self.pupil = Pupil().to(memory_format=torch.channels_last)
        self.average = AveragedModel(self.pupil.embedder, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE), use_buffers=True)
        self.optimizers = optimizers(self.pupil, MUON, ADAM)
        self.parts = {"pupil": self.pupil, "average": self.average.module, **self.optimizers}
        self.fast = torch.compile(self.pupil)
        folder.mkdir(parents=True, exist_ok=True)
        if (latest := folder / "latest.pt").exists():
            saved = torch.load(latest, weights_only=True)
            for name, part in self.parts.items():
                part.load_state_dict(saved[name])
            self.average.n_averaged.fill_(1)
            self.done = saved["epoch"]

    def run(self) -> None:
        crops, batches = load_crops(), Batches()
        held = crops.take(crops.held_out)
        print(f"{parameters(self.pupil.embedder)} parameters, epoch {self.done} of {self.epochs}", flush=True)
        for epoch in range(self.done, self.epochs):
            losses = self.epoch(epoch, batches)
            self.save(epoch + 1)
            line = f"epoch {epoch + 1}: {figures_of(self.average.module, held)} {losses}"
            with (self.folder / "log.txt").open("a") as log:
                print(line, file=log)
            tqdm.write(line)

    def epoch(self, epoch: int, batches: Batches) -> dict[str, float]:
        """One epoch; the mean of each loss."""
        rng, total = np.random.default_rng([1, epoch]), dict[str, float]()
        batches.load_new_shards()
        self.pupil.train()
        bar = tqdm(range(STEPS), desc=f"epoch {epoch + 1} ({len(batches.images)} shards)", mininterval=10)
        for step in bar:
            set_rate(self.optimizers, share_of_rate(epoch * STEPS + step, self.epochs * STEPS))
            images, *wanted = batches.draw(rng)
            with torch.autocast("cpu", torch.bfloat16):
                vectors, places = self.fast(images)
            losses = losses_of(vectors, places.float(), *wanted)
            self.pupil.zero_grad()
            sum(losses.values()).backward()
            for optimizer in self.optimizers.values():
                optimizer.step()
            self.average.update_parameters(self.pupil.embedder)
            total = {name: total.get(name, 0.0) + value.item() / STEPS for name, value in losses.items()}
            if step % 20 == 0:
                bar.set_postfix({name: f"{value.item():.3f}" for name, value in losses.items()})
        return {name: round(value, 4) for name, value in total.items()}

    def save(self, epoch: int) -> None:
        latest = self.folder / "latest.pt"
        state = {name: part.state_dict() for name, part in self.parts.items()}
        torch.save(state | {"epoch": epoch}, latest.with_suffix(".part"))
        latest.with_suffix(".part").rename(latest)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=48, help=f"epochs of {STEPS} batches in the whole schedule")
    parser.add_argument("--run", type=Path, default=CACHE / "run", help="folder of the checkpoints")
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    torch.manual_seed(0)
    Training(options.run, options.epochs).run()


if __name__ == "__main__":
    main()
