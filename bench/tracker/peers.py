"""Runs one Python tracker over sequences of detections; started by peers.ts. Reads a JSON list of
{name, framesPerSecond, threshold, frames: [{boxes: [x1, y1, x2, y2, ...], scores: [...]}]} on stdin, one tracker's name, "informed" or "default", and how often as arguments.
Prints {seconds, frames, residentBytes, rows: {name: [[frame, id, x1, y1, x2, y2], ...]}}: seconds are of the tracker's own call alone."""

import json
import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")


class Norfair:
    """Overlap as the distance, with the threshold of its own examples for boxes. It also returns people whom nothing was seen of in this frame."""

    def __init__(self, rate, seen_only):
        import norfair

        self.norfair, self.seen_only, self.given = norfair, seen_only, []
        self.tracker = norfair.Tracker(distance_function="iou", distance_threshold=0.7)

    def prepare(self, boxes, scores, threshold, clock):
        return [
            self.norfair.Detection(box.reshape(2, 2), scores=np.array([score, score]))
            for box, score in zip(boxes, scores)
            if score >= threshold
        ]

    def update(self, detections):
        self.given = detections
        return self.tracker.update(detections)

    def rows(self, objects):
        seen = {id(detection) for detection in self.given}
        return [
            [found.id, *found.estimate.ravel()]
            for found in objects
            if not self.seen_only or id(found.last_detection) in seen
        ]


class Roboflow:
    def __init__(self, rate, name, **options):
        import supervision
        import trackers

        self.supervision, self.informed = supervision, rate is not None
        self.tracker = getattr(trackers, name)(**options, **({"frame_rate": rate} if rate else {}))
        self.clock = None

    def prepare(self, boxes, scores, threshold, clock):
        self.clock = clock if self.informed else None
        return self.supervision.Detections(xyxy=boxes, confidence=scores, class_id=np.zeros(len(boxes), dtype=int))

    def update(self, detections):
        return self.tracker.update(detections, timestamp=self.clock)

    def rows(self, found):
        return [[int(track), *box] for track, box in zip(found.tracker_id, found.xyxy) if track >= 0]


class Supervision(Roboflow):
    def __init__(self, rate):
        import supervision

        self.supervision, self.informed = supervision, False
        self.tracker = supervision.ByteTrack(**({"frame_rate": rate} if rate else {}))
        self.clock = None

    def update(self, detections):
        return self.tracker.update_with_detections(detections)


PEERS = {
    "norfair": lambda rate: Norfair(rate, seen_only=False),
    "norfair, seen only": lambda rate: Norfair(rate, seen_only=True),
    "trackers SORT": lambda rate: Roboflow(rate, "SORTTracker"),
    "trackers ByteTrack": lambda rate: Roboflow(rate, "ByteTrackTracker"),
    "trackers OC-SORT": lambda rate: Roboflow(rate, "OCSORTTracker"),
    "trackers C-BIoU": lambda rate: Roboflow(rate, "CBIoUTracker"),
    "trackers BoT-SORT": lambda rate: Roboflow(rate, "BoTSORTTracker", enable_cmc=False),
    "supervision ByteTrack": lambda rate: Supervision(rate),
}


def resident_bytes():
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def main():
    name, informed, passes = sys.argv[1], sys.argv[2] == "informed", int(sys.argv[3])
    seconds, frames, rows = 0.0, 0, {}
    for sequence in json.load(sys.stdin) * passes:
        peer = PEERS[name](sequence["framesPerSecond"] if informed else None)
        own = rows[sequence["name"]] = []
        for index, frame in enumerate(sequence["frames"]):
            boxes = np.array(frame["boxes"], dtype=np.float32).reshape(-1, 4)
            scores = np.array(frame["scores"], dtype=np.float32)
            clock = index / sequence["framesPerSecond"]
            detections = peer.prepare(boxes, scores, sequence["threshold"], clock)
            start = time.perf_counter()
            found = peer.update(detections)
            seconds += time.perf_counter() - start
            frames += 1
            own.extend([index + 1, *(float(number) for number in row)] for row in peer.rows(found))
    json.dump({"seconds": seconds, "frames": frames, "residentBytes": resident_bytes(), "rows": rows}, sys.stdout)


if __name__ == "__main__":
    main()
