// Draws boxes and numbers into an RGB picture. Used for the annotated pictures and videos of a run; no font needs to be
// installed, and the picture loaders that take vector graphics stay blocked.

export interface Picture {
  /** RGB, height x width x 3 bytes; drawn on in place. */
  pixels: Uint8Array;
  width: number;
  height: number;
}

type Colour = readonly [number, number, number];

/** Rows of 3 bits, top to bottom: a digit is 3 x 5 dots. */
const digits: Record<string, readonly number[]> = {
  '0': [0b111, 0b101, 0b101, 0b101, 0b111],
  '1': [0b010, 0b110, 0b010, 0b010, 0b111],
  '2': [0b111, 0b001, 0b111, 0b100, 0b111],
  '3': [0b111, 0b001, 0b111, 0b001, 0b111],
  '4': [0b101, 0b101, 0b111, 0b001, 0b001],
  '5': [0b111, 0b100, 0b111, 0b001, 0b111],
  '6': [0b111, 0b100, 0b111, 0b101, 0b111],
  '7': [0b111, 0b001, 0b010, 0b010, 0b010],
  '8': [0b111, 0b101, 0b111, 0b101, 0b111],
  '9': [0b111, 0b101, 0b111, 0b001, 0b111],
  '?': [0b111, 0b001, 0b011, 0b000, 0b010],
};

/** A colour of its own for each number: neighbours differ by the golden angle of hue. */
export function colourOf(number: number): Colour {
  const hue = (number * 137.508) % 360;
  const channel = (shift: number) => {
    const k = (shift + hue / 60) % 6;
    return Math.round(255 * (1 - 0.85 * Math.max(0, Math.min(k, 4 - k, 1))));
  };
  return [channel(5), channel(3), channel(1)];
}

/**
 * Draws one person's box with a label above it.
 * @param box x1 y1 x2 y2, pixels
 * @param label digits and '?'; other characters stay empty
 */
export function drawBox(picture: Picture, box: readonly number[], label: string, colour: Colour): void {
  const [x1, y1, x2, y2] = box.map(Math.round) as [number, number, number, number];
  const line = Math.max(2, Math.round(picture.height / 300));
  fill(picture, x1, y1, x2, y1 + line, colour);
  fill(picture, x1, y2 - line, x2, y2, colour);
  fill(picture, x1, y1, x1 + line, y2, colour);
  fill(picture, x2 - line, y1, x2, y2, colour);
  const dot = Math.max(2, Math.round(picture.height / 190));
  const labelHeight = 7 * dot;
  const top = y1 >= labelHeight ? y1 - labelHeight : y1;
  fill(picture, x1, top, x1 + (label.length * 4 + 1) * dot, top + labelHeight, colour);
  [...label].forEach((character, i) => drawDigit(picture, x1 + (1 + i * 4) * dot, top + dot, dot, character));
}

function drawDigit(picture: Picture, left: number, top: number, dot: number, character: string): void {
  digits[character]?.forEach((row, y) => {
    for (let x = 0; x < 3; x++) {
      if (!((row >> (2 - x)) & 1)) continue;
      fill(picture, left + x * dot, top + y * dot, left + (x + 1) * dot, top + (y + 1) * dot, [20, 20, 20]);
    }
  });
}

function fill(picture: Picture, x1: number, y1: number, x2: number, y2: number, colour: Colour): void {
  const { pixels, width, height } = picture;
  for (let y = Math.max(0, y1); y < Math.min(height, y2); y++) {
    for (let x = Math.max(0, x1); x < Math.min(width, x2); x++) pixels.set(colour, (y * width + x) * 3);
  }
}
