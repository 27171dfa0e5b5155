"""Makes what train.py reads: shards of pictures of imagined people, labelled by the teacher. Resumable."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import openvino
from tqdm import tqdm

from augment import camera, occlude, place
from crops import HEIGHT, WIDTH, backgrounds, load_crops
from paths import CACHE, SHARED
from people import imagine

TEACHER, LAST_MAP = "reid-0277", "n1139"  # and the name of its last map [N,512,16,8] before places are summed up
PLACES, PARTS = 16 * 8, 48  # of that map: places, and the principal components kept at each
SHARD, CHUNK = 4000, 50
SOURCE_WEIGHTS = (0.60, 0.12, 0.08, 0.20)  # market1501-dev, pets09-s2l1, one-by-one, multiviewx-mini
IMAGINED, CAMERA, PLACED, OCCLUDED = 0.8, 0.5, 0.5, 0.15  # shares of the views
VIEWS = CACHE / "views"


class Teacher:
    """OpenVINO, not onnxruntime: three times as fast on CPUs with bfloat16 matrix units, at a cosine of 0.9996."""

    def __init__(self) -> None:
        core = openvino.Core()
        network = core.read_model(str(SHARED / "models" / "embed" / f"{TEACHER}.u8.onnx"))
        network.add_outputs(LAST_MAP)
        model = core.compile_model(network, "CPU", {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1})
        self.request = model.create_infer_request()
        self.outputs = model.output("embedding"), model.output(LAST_MAP)

    def look(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Unit vectors [N,256] and the last map by place [N,128,512], float32, of crops uint8 [N,128,64,3]."""
        result = self.request.infer({"image": np.stack([cv2.resize(image, (128, 256)) for image in images])})
        vectors, maps = (result[output] for output in self.outputs)
        return vectors.copy(), maps.reshape(len(images), -1, PLACES).transpose(0, 2, 1)


class Basis:
    """Principal components of the teacher's last map: a place as PARTS whole numbers, 32 to a standard deviation."""

    def __init__(self, path: Path) -> None:
        stored = np.load(path)
        self.mean, self.axes, self.deviation = stored["mean"], stored["axes"], stored["deviation"]

    def code(self, maps: np.ndarray) -> np.ndarray:
        """int8 [N,128,PARTS] of maps [N,128,512]."""
        parts = (maps - self.mean) @ self.axes / self.deviation
        return np.clip(np.rint(parts * 32), -127, 127).astype(np.int8)

    @staticmethod
    def fit(maps: np.ndarray, path: Path) -> None:
        rows = maps.reshape(-1, maps.shape[-1])
        mean = rows.mean(0)
        values, axes = np.linalg.eigh(np.cov(rows - mean, rowvar=False))
        axes, values = axes[:, : -PARTS - 1 : -1], values[: -PARTS - 1 : -1]
        print(f"{PARTS} components keep {values.sum() / np.trace(np.cov(rows, rowvar=False)):.3f} of the variance")
        np.savez(path, mean=mean, axes=axes.astype(np.float32), deviation=np.sqrt(values).astype(np.float32))


def draw(number: int) -> np.ndarray:
    """uint8 [SHARD,128,64,3]: the pictures of one shard, the same for the same number."""
    crops, scenes, rng = load_crops().trainable(), backgrounds(), np.random.default_rng([277, number])
    chance = np.array(SOURCE_WEIGHTS)[crops.source] / np.bincount(crops.source, minlength=4)[crops.source]
    images = np.empty((SHARD, HEIGHT, WIDTH, 3), np.uint8)
    for index, row in enumerate(rng.choice(len(chance), SHARD, p=chance / chance.sum())):
        image, others = crops.images[row], crops.images[rng.integers(len(chance), size=4)]
        if rng.random() < IMAGINED:
            image = imagine(rng, image, others[:3], scenes[rng.integers(len(scenes))])
        if rng.random() < PLACED:
            image = place(rng, image, scale=0.12, shift=0.07)
        if rng.random() < CAMERA:
            image = camera(rng, image)
        if rng.random() < OCCLUDED:
            image = occlude(rng, image, others[3])
        images[index] = image
    return images


def label(images: np.ndarray, teacher: Teacher, basis: Basis) -> dict[str, np.ndarray]:
    """images as given, vectors float16 [N,256], places int8 [N,128,PARTS]."""
    vectors, places = [], []
    for start in tqdm(range(0, len(images), CHUNK), desc="pictures", unit=f"x {CHUNK}", leave=False, mininterval=10):
        vector, maps = teacher.look(images[start : start + CHUNK])
        vectors.append(vector.astype(np.float16))
        places.append(basis.code(maps))
    return {"images": images, "vectors": np.concatenate(vectors), "places": np.concatenate(places)}


def save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez(path.with_suffix(".part.npz"), **arrays)
    path.with_suffix(".part.npz").rename(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=40, help=f"how many shards of {SHARD} views there should be")
    shards = parser.parse_args().shards
    teacher, crops = Teacher(), load_crops().trainable()
    VIEWS.mkdir(parents=True, exist_ok=True)
    if not (VIEWS / "basis.npz").exists():
        sample = np.random.default_rng(0).choice(len(crops.images), (10, CHUNK), replace=False)
        Basis.fit(np.concatenate([teacher.look(crops.images[rows])[1] for rows in sample]), VIEWS / "basis.npz")
    basis = Basis(VIEWS / "basis.npz")
    for name in tqdm(["clean", *(f"{number:03d}" for number in range(shards))], desc="views", unit="shard"):
        if not (path := VIEWS / f"{name}.npz").exists():
            save(path, label(crops.images if name == "clean" else draw(int(name)), teacher, basis))


if __name__ == "__main__":
    main()
