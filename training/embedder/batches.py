"""Draws what train.py learns from: views of imagined people and clean crops, some through another simulated camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from augment import camera
from crops import load_crops
from model import COLUMNS, ROWS
from views import VIEWS

VIEWS_OF_BATCH, PEOPLE, CROPS_OF_PERSON = 104, 8, 3  # imagined people; known people with crops of each
CAMERA = 0.4  # share of the pictures whose camera is changed while the teacher's answer stays


class Batches:
    """All shards so far and the clean crops, in memory (33 kB a picture)."""

    def __init__(self) -> None:
        self.images, self.vectors, self.places, self.loaded = [], [], [], set[Path]()
        crops, clean = load_crops().trainable(), np.load(VIEWS / "clean.npz")
        self.clean = crops.images, clean["vectors"], clean["places"]
        self.people = [np.flatnonzero(crops.identity == p) for p in np.unique(crops.identity) if p >= 0]
        deviation = np.load(VIEWS / "basis.npz")["deviation"]
        self.scale = np.sqrt(deviation / deviation[0]) / 32  # large components count more, but less than their size

    def load_new_shards(self) -> None:
        for path in sorted(set(VIEWS.glob("[0-9][0-9][0-9].npz")) - self.loaded):
            self.loaded.add(path)
            with np.load(path) as shard:
                for kept, name in ((self.images, "images"), (self.vectors, "vectors"), (self.places, "places")):
                    kept.append(shard[name])

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Images uint8 [N,128,64,3], vectors float32 [N,256], places float32 [N,128,PARTS], identity [N] (-1: unknown)."""
        shard = rng.integers(len(self.images), size=VIEWS_OF_BATCH)
        rows = rng.integers(len(self.images[0]), size=VIEWS_OF_BATCH)
        chosen = [(self.images[s][r], self.vectors[s][r], self.places[s][r]) for s, r in zip(shard, rows)]
        for person in rng.choice(len(self.people), PEOPLE, replace=False):
            for crop in rng.choice(self.people[person], CROPS_OF_PERSON):
                chosen.append(tuple(part[crop] for part in self.clean))
        identity = np.concatenate([np.full(VIEWS_OF_BATCH, -1), np.repeat(np.arange(PEOPLE), CROPS_OF_PERSON)])
        pictures = np.stack([camera(rng, image) if rng.random() < CAMERA else image for image, _, _ in chosen])
        vectors = np.stack([vector for _, vector, _ in chosen]).astype(np.float32)
        places = (np.stack([place for _, _, place in chosen]) * self.scale).astype(np.float32)
        mirrored = rng.random(len(pictures)) < 0.5
        pictures[mirrored] = pictures[mirrored, :, ::-1]
        grid = places.reshape(len(places), ROWS, COLUMNS, -1)
        grid[mirrored] = grid[mirrored, :, ::-1]
        return tuple(torch.from_numpy(part) for part in (pictures, vectors, places, identity))
