"""What a camera does to a picture, for views.py and train.py: it degrades a person but never makes another one."""

from __future__ import annotations

import cv2
import numpy as np

Image = np.ndarray  # uint8 [128,64,3] RGB
Random = np.random.Generator


def camera(rng: Random, image: Image) -> Image:
    """The same person through another camera: colour, sharpness, resolution, compression. Nothing changes its place."""
    image = tone(rng, image, gamma=0.4, gain=0.15, contrast=0.25)
    if rng.random() < 0.25:
        image = shrink(rng, image, 20, 80)
    if rng.random() < 0.15:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.15:
        noise = rng.normal(0, rng.uniform(2, 9), image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        image = compress(rng, image)
    return image


def occlude(rng: Random, image: Image, other: Image) -> Image:
    """Hides a rectangle of 5-25 % behind part of another crop or a flat colour."""
    height, width = image.shape[:2]
    area, aspect = rng.uniform(0.05, 0.25) * height * width, rng.uniform(0.4, 2.5)
    h, w = min(height, int((area * aspect) ** 0.5)), min(width, int((area / aspect) ** 0.5))
    y, x = rng.integers(height - h + 1), rng.integers(width - w + 1)
    image = image.copy()
    image[y : y + h, x : x + w] = other[y : y + h, x : x + w] if rng.random() < 0.6 else rng.integers(0, 256, 3)
    return image


def place(rng: Random, image: Image, scale: float, shift: float) -> Image:
    """Jitters the box around the person and mirrors half of the crops; what lies outside repeats the border."""
    height, width = image.shape[:2]
    sx, sy = 1 + rng.uniform(-scale, scale, 2)
    flip = -1 if rng.random() < 0.5 else 1
    tx = width / 2 * (1 - flip * sx) - (flip < 0) + rng.uniform(-shift, shift) * width
    ty = height / 2 * (1 - sy) + rng.uniform(-shift, shift) * height
    matrix = np.array([[flip * sx, 0, tx], [0, sy, ty]], np.float32)
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def tone(rng: Random, image: Image, gamma: float, gain: float, contrast: float) -> Image:
    """One curve per channel: exposure, contrast, gamma and a cast of colour; sometimes less saturation."""
    if rng.random() < 0.3:
        grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        image = cv2.addWeighted(image, share := rng.uniform(0.5, 1.3), grey, 1 - share, 0)
    ramp = np.linspace(0, 1, 256)[:, None] ** np.exp(rng.uniform(-gamma, gamma))
    ramp = (ramp - 0.5) * (1 + rng.uniform(-contrast, contrast)) + 0.5 + rng.uniform(-0.08, 0.08)
    curve = np.clip(ramp * (1 + rng.uniform(-gain, gain, 3)) * 255, 0, 255).astype(np.uint8)
    return cv2.LUT(image, curve[:, None, :])


def shrink(rng: Random, image: Image, low: int, high: int) -> Image:
    """A person seen only low..high pixels tall."""
    tall = int(rng.integers(low, high))
    ways = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_NEAREST)
    small = cv2.resize(image, (max(8, tall // 2), tall), interpolation=ways[rng.integers(3)])
    return cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def compress(rng: Random, image: Image) -> Image:
    _, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))])
    return cv2.imdecode(code, cv2.IMREAD_COLOR)
