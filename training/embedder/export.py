"""Writes the student as the embed stage loads it: uint8 crops in, unit vectors out, float16 weights."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from crops import HEIGHT, WIDTH, load_crops
from evaluate import embed
from model import Embedder, load
from paths import CACHE, EXPORTED

OPSET = 17
SMALLEST_COSINE = 0.9999  # between the exported file's vectors and those of the network it was made from


def fold_norms(model: Embedder) -> Embedder:
    """Every batch norm behind a convolution goes into its weights."""
    for module in list(model.modules()):
        if isinstance(module, nn.Sequential) and len(module) == 2 and isinstance(module[1], nn.BatchNorm2d):
            module[0], module[1] = fuse_conv_bn_eval(module[0], module[1]), nn.Identity()
    return model


def halve_weights(graph: onnx.GraphProto) -> None:
    """Stores each larger float32 initializer as float16 behind a Cast, which the runtime folds at load."""
    casts = []
    for weights in [w for w in graph.initializer if w.data_type == onnx.TensorProto.FLOAT and np.prod(w.dims) >= 64]:
        half = numpy_helper.from_array(numpy_helper.to_array(weights).astype(np.float16), weights.name + "_half")
        casts.append(helper.make_node("Cast", [half.name], [weights.name], to=onnx.TensorProto.FLOAT))
        graph.initializer.remove(weights)
        graph.initializer.append(half)
    for cast in reversed(casts):
        graph.node.insert(0, cast)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CACHE / "run" / "latest.pt")
    parser.add_argument("--out", type=Path, default=EXPORTED)
    options = parser.parse_args()
    crops = load_crops()
    sample = crops.images[crops.held_out]
    model = load(options.checkpoint)
    with torch.no_grad():
        wanted = model(torch.from_numpy(sample)).numpy()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        fold_norms(model),
        (torch.zeros(2, HEIGHT, WIDTH, 3, dtype=torch.uint8),),
        str(options.out),
        input_names=["image"],
        output_names=["embedding"],
        dynamic_axes={"image": {0: "batch"}, "embedding": {0: "batch"}},
        opset_version=OPSET,
        dynamo=False,
    )
    exported = onnx.load(options.out)
    halve_weights(exported.graph)
    onnx.checker.check_model(exported)
    onnx.save(exported, options.out)
    cosine = (embed(options.out, sample) * wanted).sum(1).min()
    if cosine < SMALLEST_COSINE:
        raise SystemExit(f"{options.out}: its vectors differ from the network's (cosine {cosine:.6f}): do not ship it")
    digest = hashlib.sha256(options.out.read_bytes()).hexdigest()
    print(f"{options.out.name}: {options.out.stat().st_size} bytes, sha256 {digest}, smallest cosine {cosine:.6f}")


if __name__ == "__main__":
    main()
