"""Scores embedders on people never trained on: query in one camera, gallery of the others. Writes metrics.json."""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path

import cv2
import numpy as np

from crops import Crops, load_crops
from paths import EXPORTED, HERE, SHARED, session

PEERS = ("reid-0286", "reid-0277", "reid-0288", "osnet-x0.25-msmt17")
METRICS = HERE / "metrics.json"
FALSE_ACCEPTS, STRICT_FALSE_ACCEPTS = 0.01, 0.001
PARTS = (
    "heldOutPeople",
    "heldOutPeopleUnseenCamera",
    "heldOutPeopleCameraMeansRemoved",
    "heldOutPeopleUnseenCameraMeansRemoved",
)
TOLERANCE = 2e-3  # of a figure measured on another CPU


def embed(path: Path, images: np.ndarray, batch: int = 32) -> np.ndarray:
    """Unit vectors float32 [N,D] of uint8 RGB crops [N,H,W,3], resized to what the model takes."""
    model = session(path)
    height, width = model.get_inputs()[0].shape[1:3]
    parts = []
    for start in range(0, len(images), batch):
        resized = np.stack([cv2.resize(i, (width, height)) for i in images[start : start + batch]])
        parts.append(model.run(["embedding"], {"image": resized})[0])
    return np.concatenate(parts)


def across_cameras(vectors: np.ndarray, people: Crops) -> dict[str, float]:
    return score(vectors, people.identity, people.camera)


def onto_unseen_camera(vectors: np.ndarray, people: Crops) -> dict[str, float]:
    """One side of every pair comes from the camera that was kept out of training, the other from any other camera."""
    return score(vectors, people.identity, people.unseen_camera.astype(int))


def score(vectors: np.ndarray, identity: np.ndarray, camera: np.ndarray) -> dict[str, float]:
    """Figures over all pairs of crops from two different cameras; queries without a match there are left out."""
    similarity, other = vectors @ vectors.T, camera[:, None] != camera[None]
    same = (identity[:, None] == identity[None]) & other
    first, average = [], []
    for query in np.flatnonzero(same.any(1)):
        gallery = np.flatnonzero(other[query])
        hits = same[query, gallery[np.argsort(-similarity[query, gallery], kind="stable")]]
        ranks = np.flatnonzero(hits)
        first.append(hits[0])
        average.append(((np.arange(len(ranks)) + 1) / (ranks + 1)).mean())
    upper = np.triu(other)
    genuine, impostor = similarity[same & upper], similarity[~same & upper]
    threshold, strict = np.quantile(impostor, [1 - FALSE_ACCEPTS, 1 - STRICT_FALSE_ACCEPTS])
    return {
        "rank1": float(np.mean(first)),
        "mAP": float(np.mean(average)),
        "trueAcceptsAt1PercentFalse": float((genuine >= threshold).mean()),
        "threshold": float(threshold),
        "trueAcceptsAt01PercentFalse": float((genuine >= strict).mean()),
        "strictThreshold": float(strict),
        "meanSame": float(genuine.mean()),
        "meanDifferent": float(impostor.mean()),
    }


def without_camera_means(vectors: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """Unit vectors after each camera's mean is taken away, as the match stage does once it knows a camera."""
    means = np.stack([vectors[camera == c].mean(0) for c in np.unique(camera)])
    moved = vectors - means[np.unique(camera, return_inverse=True)[1]]
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


def margin(vectors: np.ndarray, people: Crops) -> float:
    """Lead of the best person over the second best that 95 % of wrong first choices do not reach."""
    similarity, wrong = vectors @ vectors.T, []
    for query in range(len(vectors)):
        gallery = people.camera != people.camera[query]
        names = np.unique(people.identity[gallery])
        if people.identity[query] not in names:
            continue
        best = np.array([similarity[query, gallery & (people.identity == name)].max() for name in names])
        order = np.argsort(-best)
        if names[order[0]] != people.identity[query]:
            wrong.append(best[order[0]] - best[order[1]])
    return float(np.quantile(wrong, 0.95)) if wrong else 0.0


def milliseconds_per_crop(path: Path, batch: int = 8, runs: int = 40) -> float:
    """Tenth percentile of the processor time of a batch on one thread, per crop."""
    model = session(path)
    shape = (batch, *model.get_inputs()[0].shape[1:])
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    times = []
    for _ in range(runs):
        start = time.process_time()
        model.run(None, {"image": image})
        times.append(time.process_time() - start)
    return float(np.quantile(times, 0.1)) / batch * 1e3


def measure(path: Path, held: Crops) -> dict:
    vectors = embed(path, held.images)
    centred = without_camera_means(vectors, held.camera)
    parts = {
        "heldOutPeople": across_cameras(vectors, held) | {"margin": margin(vectors, held)},
        "heldOutPeopleUnseenCamera": onto_unseen_camera(vectors, held),
        "heldOutPeopleCameraMeansRemoved": across_cameras(centred, held),
        "heldOutPeopleUnseenCameraMeansRemoved": onto_unseen_camera(centred, held),
    }
    rounded = {part: {name: round(value, 4) for name, value in figures.items()} for part, figures in parts.items()}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"sha256": digest, "millisecondsPerCrop": round(milliseconds_per_crop(path), 3), **rounded}


def report(name: str, measured: dict) -> None:
    for part in PARTS:
        shown = [f"{measured[part][key]:.3f}" for key in ("rank1", "mAP", "trueAcceptsAt1PercentFalse", "threshold")]
        print("|", " | ".join([name, part, *shown, f"{measured['millisecondsPerCrop']:.2f}"]), "|", flush=True)


def check(name: str, measured: dict, written: dict) -> None:
    if measured["sha256"] != written["sha256"]:
        raise SystemExit(f"metrics.json: the sha256 of {name} is of another file; run evaluate.py --write")
    for part in PARTS:
        for figure, value in written[part].items():
            if abs(measured[part][figure] - value) > TOLERANCE:
                raise SystemExit(f"metrics.json: {name}.{part}.{figure} is {value}, measured {measured[part][figure]}")
    print(f"metrics.json: {name} reproduced")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=EXPORTED, help="the exported student")
    parser.add_argument("--student-only", action="store_true", help="leave the teachers and peers out")
    parser.add_argument("--write", action="store_true", help="put the figures into metrics.json")
    parser.add_argument("--check", action="store_true", help="fail unless metrics.json has the same figures")
    options = parser.parse_args()
    crops = load_crops()
    held, student = crops.take(crops.held_out), options.model.name.removesuffix(".u8.onnx")
    models = {student: options.model}
    if not options.student_only:
        models |= {peer: SHARED / "models" / "embed" / f"{peer}.u8.onnx" for peer in PEERS}
    result = {}
    print("| embedder | pairs | rank-1 | mAP | true accepts at 1 % false | threshold | ms/crop |\n" + "|---" * 7 + "|")
    for name, path in models.items():
        result[name] = measure(path, held)
        report(name, result[name])
    written = json.loads(METRICS.read_text()) if METRICS.exists() else {}
    if options.write:
        METRICS.write_text(json.dumps(written | result, indent=2) + "\n")
    if options.check:
        for name, measured in result.items():
            check(name, measured, written[name])


if __name__ == "__main__":
    main()
