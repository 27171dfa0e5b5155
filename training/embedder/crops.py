"""Cuts the person crops that views.py, train.py and evaluate.py read, so that videos are decoded and detected once."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import cv2
import numpy as np
import onnxruntime
from tqdm import tqdm

from paths import CACHE, SHARED, session

HEIGHT, WIDTH = 128, 64
SOURCES = ("market1501-dev", "pets09-s2l1", "one-by-one", "multiviewx-mini")
VIDEOS = {1: "vtest.avi", 2: "one-by-one-person-detection.mp4"}  # by index into SOURCES
DETECTOR = "detect/rtmdet-nano-person-384x512.u8.onnx"
UNSEEN_CAMERA = 4  # of market1501-dev
SCORE_FLOOR, OVERLAP_LIMIT, MINIMUM_HEIGHT_PX = 0.5, 0.65, 50


@dataclass(frozen=True)
class Crops:
    """images uint8 [N,128,64,3] RGB; source (index into SOURCES), camera, identity (-1: unknown) int64 [N]."""

    images: np.ndarray
    source: np.ndarray
    camera: np.ndarray
    identity: np.ndarray

    def take(self, rows: np.ndarray) -> "Crops":
        return Crops(self.images[rows], self.source[rows], self.camera[rows], self.identity[rows])

    @property
    def held_out(self) -> np.ndarray:
        """bool [N]: crops of every fifth identity of market1501-dev, by sorted id."""
        real = self.source == 0
        return real & np.isin(self.identity, np.unique(self.identity[real])[4::5])

    @property
    def unseen_camera(self) -> np.ndarray:
        """bool [N]: crops of the camera that is kept out of training, so that one camera never seen can be measured."""
        return (self.source == 0) & (self.camera == UNSEEN_CAMERA)

    def trainable(self) -> "Crops":
        return self.take(~self.held_out & ~self.unseen_camera)


Row = tuple[np.ndarray, int, int, int]


def market() -> Iterator[Row]:
    folder = SHARED / "data" / SOURCES[0]
    for row in csv.DictReader((folder / "events.csv").open()):
        image = cv2.cvtColor(cv2.imread(str(folder / row["path"])), cv2.COLOR_BGR2RGB)
        yield cv2.resize(image, (WIDTH, HEIGHT)), 0, int(row["camera"]), int(row["person_id"])


def video(source: int, name: str, every: int) -> Iterator[Row]:
    detector = session(SHARED / "models" / DETECTOR)
    capture, index = cv2.VideoCapture(str(SHARED / "data" / SOURCES[source] / name)), 0
    while True:
        ok, frame = capture.read()
        if not ok:
            return
        if index % every == 0:
            image = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            for box in detect(detector, image):
                yield cut(image, box), source, 1, -1
        index += 1


def multiview() -> Iterator[Row]:
    """Synthetic frames. Their identities are left aside: several people there wear the same avatar."""
    folder, detector = SHARED / "data" / SOURCES[3], session(SHARED / "models" / DETECTOR)
    for path in sorted((folder / "Image_subsets").glob("C*/*.jpg")):
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        for box in detect(detector, image, tiles=2):
            yield cut(image, box), 3, int(path.parent.name[1:]), -1


def backgrounds(count: int = 3000) -> np.ndarray:
    """uint8 [count,128,64,3]: boxes of any place and size in the frames of the sequences, from the cache if there is one."""
    path = CACHE / "backgrounds.npy"
    if not path.exists():
        rng, frames = np.random.default_rng(7), []
        for source, name in VIDEOS.items():
            capture = cv2.VideoCapture(str(SHARED / "data" / SOURCES[source] / name))
            for index in np.linspace(0, capture.get(cv2.CAP_PROP_FRAME_COUNT) - 1, 40).astype(int):
                capture.set(cv2.CAP_PROP_POS_FRAMES, int(index))
                frames += [frame for ok, frame in [capture.read()] if ok]
        frames += [cv2.imread(str(p)) for p in sorted((SHARED / "data" / SOURCES[3] / "Image_subsets").glob("C*/*.jpg"))]
        np.save(path, np.stack([random_box(rng, frames[rng.integers(len(frames))]) for _ in range(count)]))
    return np.load(path)


def random_box(rng: np.random.Generator, frame: np.ndarray) -> np.ndarray:
    width = int(frame.shape[1] * rng.uniform(0.04, 0.2))
    height = min(2 * width, frame.shape[0])
    left, top = rng.integers(frame.shape[1] - width + 1), rng.integers(frame.shape[0] - height + 1)
    return cut(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.array([left, top, left + width, top + height]))


def detect(detector: onnxruntime.InferenceSession, image: np.ndarray, tiles: int = 1) -> np.ndarray:
    """Boxes float32 [n,4] x1 y1 x2 y2 in image pixels; tiles > 1 also looks at overlapping parts of a large frame."""
    height, width = image.shape[:2]
    offsets = [(0, 0, width, height)]
    if tiles > 1:
        w, h = int(width / tiles * 1.2), int(height / tiles * 1.2)
        offsets += [(x, y, w, h) for x in np.linspace(0, width - w, tiles).astype(int) for y in (0, height - h)]
    boxes, scores = [], []
    for x, y, w, h in offsets:
        scale = min(384 / h, 512 / w)
        canvas = np.full((1, 384, 512, 3), 114, np.uint8)
        small = cv2.resize(image[y : y + h, x : x + w], (round(w * scale), round(h * scale)))
        canvas[0, : small.shape[0], : small.shape[1]] = small
        found, score = detector.run(["boxes", "scores"], {"image": canvas})
        keep = score[0] > SCORE_FLOOR
        boxes.append(found[0][keep] / scale + [x, y, x, y])
        scores.append(score[0][keep])
    return suppress(np.concatenate(boxes).astype(np.float32), np.concatenate(scores))


def suppress(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    kept: list[np.ndarray] = []
    for row in np.argsort(-scores):
        tall_enough = boxes[row, 3] - boxes[row, 1] >= MINIMUM_HEIGHT_PX
        if tall_enough and (not kept or intersection_over_union(boxes[row], np.stack(kept)).max() < OVERLAP_LIMIT):
            kept.append(boxes[row])
    return np.stack(kept) if kept else np.zeros((0, 4), np.float32)


def intersection_over_union(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), 1)
    area = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], 1)
    return shared / (area - shared)


def cut(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    x1, y1, x2, y2 = np.clip(box, 0, [image.shape[1], image.shape[0]] * 2).round().astype(int)
    return cv2.resize(image[y1:y2, x1:x2], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def load_crops() -> Crops:
    """All crops, from the cache if there is one."""
    path = CACHE / "crops.npz"
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        rows: list[Row] = []
        for name, part in (
            (SOURCES[0], market()),
            (SOURCES[1], video(1, VIDEOS[1], every=3)),
            (SOURCES[2], video(2, VIDEOS[2], every=2)),
            (SOURCES[3], multiview()),
        ):
            rows += list(tqdm(part, desc=name, unit="crop"))
        images, source, camera, identity = zip(*rows)
        np.savez(path, images=np.stack(images), source=source, camera=camera, identity=identity)
    return Crops(**np.load(path))


if __name__ == "__main__":
    crops = load_crops()
    for index, name in enumerate(SOURCES):
        of_source = crops.source == index
        kept = of_source & ~crops.held_out & ~crops.unseen_camera
        print(f"{name}: {of_source.sum()} crops, {kept.sum()} to train on")
