"""Makes people who never existed out of crops, for views.py: other parts, clothes, patterns and surroundings."""

from __future__ import annotations

import cv2
import numpy as np

from augment import Image, Random

TORSO, LEGS, WHOLE = (0.14, 0.54), (0.48, 0.97), (-0.2, 1.2)  # rows of a garment, as shares of the height


def imagine(rng: Random, image: Image, others: np.ndarray, background: Image) -> Image:
    """A plausible new person from a crop, three other crops [3,128,64,3] and a picture without a chosen person."""
    if rng.random() < 0.5:
        image = blend(image, others[0], window(rng, image.shape, rng.uniform(0.42, 0.58), 1.5, across=False))
    if rng.random() < 0.35:
        image = blend(image, others[1], window(rng, image.shape, -0.5, rng.uniform(0.13, 0.22), across=False))
    if rng.random() < 0.1:
        image = blend(image, others[2], np.float32(rng.uniform(0.2, 0.5)))
    if rng.random() < 0.4:
        behind = background if rng.random() < 0.7 else others[2]
        image = blend(image, behind, surroundings(rng, image.shape))
    for garment, recoloured, patterned in ((TORSO, 0.4, 0.22), (LEGS, 0.4, 0.12), (WHOLE, 0.15, 0.03)):
        mask = window(rng, image.shape, *garment, across=rng.random() < 0.75)
        if rng.random() < recoloured:
            image = blend(image, recolour(rng, image), mask)
        if rng.random() < patterned:
            image = blend(image, print_on(rng, image, others[rng.integers(3)]), mask)
    return image


def recolour(rng: Random, image: Image) -> Image:
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(0, 180)) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.4, 1.8), 0, 255)
    turned = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB).astype(np.float32)
    if rng.random() < 0.4:  # dye: grey cloth keeps its folds and takes one colour, which turning the hue cannot do
        shade = turned.mean(2, keepdims=True)
        turned = shade / max(20.0, shade.mean()) * rng.uniform(10, 240, 3)
    return np.clip(turned * rng.uniform(0.45, 1.6) * rng.uniform(0.7, 1.25, 3), 0, 255).astype(np.uint8)


def print_on(rng: Random, image: Image, other: Image) -> Image:
    """Stripes, checks, dots or a piece of another picture, in one colour that follows the folds of the cloth."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    turn, period = rng.uniform(0, np.pi), rng.uniform(4, 24)
    along = np.sin(2 * np.pi * (x * np.cos(turn) + y * np.sin(turn)) / period)
    across = np.sin(2 * np.pi * (y * np.cos(turn) - x * np.sin(turn)) / (period * rng.uniform(0.7, 1.5)))
    kind = rng.random()
    if kind < 0.2:
        size = int(rng.integers(12, 40))
        top, left = rng.integers(height - size), rng.integers(width - size)
        piece = cv2.resize(other[top : top + size, left : left + size], (width, height))
        return blend(image, piece, np.float32(rng.uniform(0.4, 0.9)))
    wave = along if kind < 0.55 else along * across if kind < 0.75 else np.minimum(along, across)
    share = rng.uniform(0.4, 0.95) / (1 + np.exp(-(wave - rng.uniform(-0.5, 0.6)) * rng.uniform(3, 15)))
    shade = image.mean(2, keepdims=True)
    ink = np.clip(shade / max(20.0, shade.mean()) * rng.uniform(0, 255, 3), 0, 255)
    return blend(image, ink, share[..., None])


def window(rng: Random, shape: tuple[int, ...], top: float, bottom: float, across: bool) -> np.ndarray:
    """Soft mask over the rows top..bottom (shares of the height), of the middle columns or of all."""
    rows = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, shape[1], dtype=np.float32)[None] + rng.uniform(-0.1, 0.1)
    top, bottom, steep = top + rng.uniform(-0.06, 0.06), bottom + rng.uniform(-0.06, 0.06), rng.uniform(30, 90)
    inside = 1 / (1 + np.exp(-(rows - top) * steep)) / (1 + np.exp((rows - bottom) * steep))
    middle = np.exp(-((np.abs(columns) / rng.uniform(0.5, 0.9)) ** 6)) if across else 1
    return (inside * middle * np.ones(shape[:2], np.float32))[..., None]


def surroundings(rng: Random, shape: tuple[int, ...]) -> np.ndarray:
    """Soft mask of what lies outside a rough upright figure: a head over a wider body."""
    rows = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None]
    columns = np.abs(np.linspace(-1, 1, shape[1], dtype=np.float32)[None] + rng.uniform(-0.12, 0.12))
    body, head = rng.uniform(0.5, 0.8), rng.uniform(0.3, 0.5)
    half_width = head + (body - head) / (1 + np.exp(-(rows - 0.17) * 60))
    above = 1 / (1 + np.exp((rows - rng.uniform(0.0, 0.05)) * 80))
    return np.maximum(1 / (1 + np.exp(-(columns - half_width) * rng.uniform(10, 25))), above)[..., None]


def blend(image: Image, other: np.ndarray, share: np.ndarray) -> Image:
    return (image * (1 - share) + other * share).astype(np.uint8)
