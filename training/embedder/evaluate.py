"""Scores embedders on people never trained on: query in one camera, gallery of the other cameras. Writes metrics.json on request."""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path

import cv2
import numpy as np

from crops import SOURCES, Crops, load_crops
from paths import EXPORTED, HERE, SHARED, session

PEERS = ("reid-0286", "reid-0277", "reid-0288", "osnet-x0.25-msmt17")
FALSE_ACCEPTS = 0.01


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
    """Figures over all pairs of crops that come from two different cameras; queries without a match there are left out."""
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
    threshold = float(np.quantile(impostor, 1 - FALSE_ACCEPTS))
    return {
        "rank1": float(np.mean(first)),
        "mAP": float(np.mean(average)),
        "trueAcceptsAt1PercentFalse": float((genuine >= threshold).mean()),
        "threshold": threshold,
        "trueAcceptsAt01PercentFalse": float((genuine >= np.quantile(impostor, 0.999)).mean()),
        "strictThreshold": float(np.quantile(impostor, 0.999)),
        "meanSame": float(genuine.mean()),
        "meanDifferent": float(impostor.mean()),
    }


def margin(vectors: np.ndarray, identity: np.ndarray, camera: np.ndarray) -> float:
    """Lead of the best person over the second best that 95 % of wrong first choices do not reach."""
    similarity = vectors @ vectors.T
    wrong = []
    for query in range(len(vectors)):
        gallery = camera != camera[query]
        people = np.unique(identity[gallery])
        if identity[query] not in people:
            continue
        best = np.array([similarity[query, gallery & (identity == p)].max() for p in people])
        order = np.argsort(-best)
        if people[order[0]] != identity[query]:
            wrong.append(best[order[0]] - best[order[1]])
    return float(np.quantile(wrong, 0.95)) if wrong else 0.0


def milliseconds_per_crop(path: Path, batch: int = 8, runs: int = 40) -> float:
    """Tenth percentile of the time of a batch on one thread, per crop."""
    model = session(path)
    shape = (batch, *model.get_inputs()[0].shape[1:])
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        model.run(None, {"image": image})
        times.append(time.perf_counter() - start)
    return float(np.quantile(times, 0.1)) / batch * 1e3


def held_out_sets(crops: Crops) -> dict[str, Crops]:
    held = crops.held_out
    return {SOURCES[s]: crops.take(held & (crops.source == s)) for s in (0, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=EXPORTED, help="the exported student")
    parser.add_argument("--write", action="store_true", help="write the figures to metrics.json")
    parser.add_argument("--check", action="store_true", help="fail unless the student's figures equal those in metrics.json")
    options = parser.parse_args()
    sets = held_out_sets(load_crops())
    models = {options.model.name.removesuffix(".u8.onnx"): options.model}
    models |= {peer: SHARED / "models" / "embed" / f"{peer}.u8.onnx" for peer in PEERS}
    result: dict[str, dict] = {}
    print("| embedder | set | rank-1 | mAP | true accepts at 1 % false | threshold | ms/crop |\n|---|---|---|---|---|---|---|")
    for name, path in models.items():
        spent = milliseconds_per_crop(path)
        result[name] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "millisecondsPerCrop": round(spent, 3)}
        for label, people in sets.items():
            vectors = embed(path, people.images)
            figures = score(vectors, people.identity, people.camera)
            figures["margin"] = margin(vectors, people.identity, people.camera)
            result[name][label] = {key: round(value, 4) for key, value in figures.items()}
            shown = [f"{figures[key]:.3f}" for key in ("rank1", "mAP", "trueAcceptsAt1PercentFalse", "threshold")]
            print("|", " | ".join([name, label, *shown, f"{spent:.2f}"]), "|", flush=True)
    if options.write:
        (HERE / "metrics.json").write_text(json.dumps(result, indent=2) + "\n")
    if options.check:
        student = next(iter(models))
        check(result[student], json.loads((HERE / "metrics.json").read_text())[student])


def check(measured: dict, written: dict) -> None:
    if measured["sha256"] != written["sha256"]:
        raise SystemExit("metrics.json: sha256 is of another file; run evaluate.py --write")
    for label in (SOURCES[0], SOURCES[3]):
        for key, value in written[label].items():
            if abs(measured[label][key] - value) > 2e-3:
                raise SystemExit(f"metrics.json: {label}.{key} is {value}, measured {measured[label][key]}")
    print("metrics.json: reproduced")


if __name__ == "__main__":
    main()
