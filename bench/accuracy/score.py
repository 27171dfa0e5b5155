"""Scores tracker results; started by scorer.ts. Reads a JSON list of {name, truth, result} (MOTChallenge files) on stdin and prints
{name: {hota, mota, idf1, ...}} as JSON, with an entry per name and one for each group (the part of the name before ':')."""

import contextlib
import io
import json
import sys

import numpy as np
from trackeval.metrics import CLEAR, HOTA, Identity


def read_boxes(path):
    frames = {}
    with open(path, encoding="ascii") as lines:
        for line in lines:
            if not line.strip():
                continue
            frame, track, left, top, width, height = (float(field) for field in line.split(",")[:6])
            frames.setdefault(int(frame), []).append((int(track), left, top, left + width, top + height))
    return frames


def overlaps(truth, found):
    shared = np.minimum(truth[:, None, 2:], found[None, :, 2:]) - np.maximum(truth[:, None, :2], found[None, :, :2])
    shared = np.prod(np.clip(shared, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (truth, found)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None, :] - shared, 1e-9)


def sequence_data(truth_path, result_path):
    truth, result = read_boxes(truth_path), read_boxes(result_path)
    frame_count = max([*truth, *result, 1])
    sides = {"gt": truth, "tracker": result}
    data = {"num_timesteps": frame_count, "similarity_scores": []}
    numbers = {}
    for side, frames in sides.items():
        ids = sorted({box[0] for boxes in frames.values() for box in boxes})
        numbers[side] = {track: k for k, track in enumerate(ids)}
        data[f"{side}_ids"] = []
        data[f"num_{side}_ids"] = len(ids)
        data[f"num_{side}_dets"] = sum(len(boxes) for boxes in frames.values())
    for frame in range(1, frame_count + 1):
        packed = {}
        for side, frames in sides.items():
            boxes = frames.get(frame, [])
            data[f"{side}_ids"].append(np.array([numbers[side][box[0]] for box in boxes], dtype=int))
            packed[side] = np.array([box[1:] for box in boxes], dtype=float).reshape(-1, 4)
        data["similarity_scores"].append(overlaps(packed["gt"], packed["tracker"]))
    return data


def summary(parts, metrics, combine):
    hota, clear, identity = (combine(metric, part) for metric, part in zip(metrics, parts))
    return {
        "hota": float(np.mean(hota["HOTA"])),
        "assA": float(np.mean(hota["AssA"])),
        "mota": float(clear["MOTA"]),
        "idf1": float(identity["IDF1"]),
        "switches": int(clear["IDSW"]),
        "fragments": int(clear["Frag"]),
        "precision": float(clear["CLR_Pr"]),
        "recall": float(clear["CLR_Re"]),
    }


def main():
    metrics = [HOTA(), CLEAR({"PRINT_CONFIG": False}), Identity({"PRINT_CONFIG": False})]
    scores, groups = {}, {}
    for job in json.load(sys.stdin):
        data = sequence_data(job["truth"], job["result"])
        with contextlib.redirect_stdout(io.StringIO()):
            parts = [metric.eval_sequence(data) for metric in metrics]
        scores[job["name"]] = summary(parts, metrics, lambda metric, part: part)
        groups.setdefault(job["name"].split(":")[0], {})[job["name"]] = parts
    for group, members in groups.items():
        if len(members) > 1:
            by_metric = [{name: parts[k] for name, parts in members.items()} for k in range(len(metrics))]
            scores[group] = summary(by_metric, metrics, lambda metric, part: metric.combine_sequences(part))
    json.dump(scores, sys.stdout)


if __name__ == "__main__":
    main()
