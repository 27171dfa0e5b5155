"""The edge stages as they would be written in Python: OpenCV decodes and resizes, onnxruntime detects and embeds, a tracker of the
package `trackers` follows. Started by main.ts, which gives a JSON object as argument: video, detector and embedder ({path, width, height,
threshold, overlap}), threads (0: as the libraries choose), crops (`few` by our own rule, `all` of every frame).
Prints JSON: frames, crops, tracks, seconds, processorSeconds, residentMiB."""

import json
import resource
import sys
import time

import cv2
import numpy as np
import onnxruntime
import supervision
import trackers

MOST_CROPS = 6
FIRST_GAP_SECONDS = 1.0
FRAMES_PER_SECOND = 7
GREY = 114


def open_session(model, threads):
    options = onnxruntime.SessionOptions()
    if threads > 0:
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model["path"], options, providers=["CPUExecutionProvider"])


class Detector:
    def __init__(self, model, threads):
        self.session = open_session(model, threads)
        self.model = model
        self.canvas = np.full((1, model["height"], model["width"], 3), GREY, dtype=np.uint8)

    def __call__(self, rgb):
        height, width = rgb.shape[:2]
        scale = min(self.model["width"] / width, self.model["height"] / height)
        inner = (round(width * scale), round(height * scale))
        cv2.resize(rgb, inner, dst=self.canvas[0, : inner[1], : inner[0]], interpolation=cv2.INTER_AREA)
        boxes, scores = self.session.run(["boxes", "scores"], {"image": self.canvas})
        strong = scores[0] >= 0.1
        boxes, scores = boxes[0][strong], scores[0][strong]
        left_top_size = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
        kept = cv2.dnn.NMSBoxes(left_top_size, scores, 0.1, self.model["overlap"])
        return boxes[kept] / scale, scores[kept]


class Crops:
    """When a track is worth a vector: `few` as our own stages do it, at its start and after gaps that double."""

    def __init__(self, few):
        self.few, self.taken = few, {}

    def wanted(self, track, now):
        if not self.few:
            return True
        count, last = self.taken.get(track, (0, -np.inf))
        if count >= MOST_CROPS or (count > 0 and now - last < FIRST_GAP_SECONDS * 2 ** (count - 1)):
            return False
        self.taken[track] = (count + 1, now)
        return True


def cut(rgb, box, model):
    height, width = rgb.shape[:2]
    left, top = max(0, int(box[0])), max(0, int(box[1]))
    right, bottom = min(width, max(left + 1, int(np.ceil(box[2])))), min(height, max(top + 1, int(np.ceil(box[3]))))
    return cv2.resize(rgb[top:bottom, left:right], (model["width"], model["height"]), interpolation=cv2.INTER_AREA)


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main():
    task = json.loads(sys.argv[1])
    if task["threads"] > 0:
        cv2.setNumThreads(task["threads"])
    detect = Detector(task["detector"], task["threads"])
    embedder = task["embedder"]
    session = open_session(embedder, task["threads"])
    tracker = trackers.SORTTracker(frame_rate=FRAMES_PER_SECOND)
    crops = Crops(task["crops"] == "few")
    video = cv2.VideoCapture(task["video"])
    frames, crop_count, people = 0, 0, {}
    start, spent_before = time.perf_counter(), processor_seconds()
    while True:
        there, bgr = video.read()
        if not there:
            break
        rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        boxes, scores = detect(rgb)
        found = supervision.Detections(xyxy=boxes, confidence=scores, class_id=np.zeros(len(boxes), dtype=int))
        tracked = tracker.update(found)
        chosen = [
            (track, box)
            for track, box, score in zip(tracked.tracker_id, tracked.xyxy, tracked.confidence)
            if track >= 0 and score >= task["detector"]["threshold"] and crops.wanted(track, frames / FRAMES_PER_SECOND)
        ]
        if chosen:
            batch = np.stack([cut(rgb, box, embedder) for _, box in chosen])
            vectors = session.run(["embedding"], {"image": batch})[0]
            for (track, _), vector in zip(chosen, vectors):
                people.setdefault(int(track), []).append(vector)
            crop_count += len(chosen)
        frames += 1
    figures = {
        "frames": frames,
        "crops": crop_count,
        "tracks": len(people),
        "seconds": time.perf_counter() - start,
        "processorSeconds": processor_seconds() - spent_before,
        "residentMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
