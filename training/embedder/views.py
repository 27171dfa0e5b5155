"""Makes what train.py reads: shards of altered crops, each with the teacher's vector of that picture. Resumable."""

from __future__ import annotations

import argparse

import cv2
import numpy as np
import openvino
from tqdm import tqdm

from augment import camera, edit, occlude
from crops import HEIGHT, WIDTH, Crops, load_crops
from paths import CACHE, SHARED

TEACHER = "reid-0277"
SHARD = 4000
SOURCE_WEIGHTS = (0.65, 0.10, 0.07, 0.18)  # market1501-dev, pets09-s2l1, one-by-one, multiviewx-mini


class Teacher:
    """OpenVINO, not onnxruntime: three times as fast on CPUs with bfloat16 matrix units, at a cosine of 0.9996."""

    def __init__(self, name: str = TEACHER) -> None:
        options = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
        model = openvino.Core().compile_model(str(SHARED / "models" / "embed" / f"{name}.u8.onnx"), "CPU", options)
        self.request, self.output = model.create_infer_request(), model.output("embedding")

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Unit vectors float32 [N,256] of crops uint8 [N,128,64,3]."""
        large = np.stack([cv2.resize(image, (128, 256)) for image in images])
        return self.request.infer({"image": large})[self.output].copy()


def make_shard(number: int, crops: Crops, teacher: Teacher) -> dict[str, np.ndarray]:
    """images uint8 [SHARD,128,64,3], vectors float16 [SHARD,256], identity int64 [SHARD] (-1: unknown or edited)."""
    rng = np.random.default_rng([277, number])
    chance = np.array(SOURCE_WEIGHTS)[crops.source] / np.bincount(crops.source, minlength=4)[crops.source]
    rows = rng.choice(len(chance), SHARD, p=chance / chance.sum())
    others = crops.images[rng.integers(len(chance), size=(SHARD, 2))]
    images, identity = np.empty((SHARD, HEIGHT, WIDTH, 3), np.uint8), crops.identity[rows].copy()
    for index, row in enumerate(rows):
        image = crops.images[row]
        if rng.random() < 0.7:
            image, identity[index] = edit(rng, image, others[index, 0]), -1
        if rng.random() < 0.5:
            image = camera(rng, image)
        if rng.random() < 0.15:
            image = occlude(rng, image, others[index, 1])
        images[index] = image
    vectors = [teacher.embed(images[start : start + 50]) for start in range(0, SHARD, 50)]
    return {"images": images, "vectors": np.concatenate(vectors).astype(np.float16), "identity": identity}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=40, help=f"how many shards of {SHARD} views there should be")
    shards = parser.parse_args().shards
    crops, teacher, folder = load_crops().trainable(), Teacher(), CACHE / "views"
    folder.mkdir(exist_ok=True)
    if not (folder / "clean.npy").exists():
        chunks = np.array_split(crops.images, len(crops.images) // 50)
        vectors = [teacher.embed(chunk) for chunk in tqdm(chunks, desc="clean crops")]
        np.save(folder / "clean.npy", np.concatenate(vectors))
    for number in tqdm(range(shards), desc="views", unit="shard"):
        path = folder / f"{number:03d}.npz"
        if not path.exists():
            np.savez(path.with_suffix(".part.npz"), **make_shard(number, crops, teacher))
            path.with_suffix(".part.npz").rename(path)


if __name__ == "__main__":
    main()
