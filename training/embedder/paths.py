"""Where the training scripts find shared data and keep their cache, and how they open a model on one thread."""

from __future__ import annotations

import os
from pathlib import Path

import onnxruntime

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("SHARED_DIR", HERE.parents[2] / "shared"))
CACHE = Path(os.environ.get("EMBEDDER_CACHE", HERE / ".cache"))
EXPORTED = HERE.parents[1] / "models" / "embed" / "mei-embed-s2.u8.onnx"


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
