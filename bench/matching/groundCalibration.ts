// Homographies from the calibration files that come with WILDTRACK and MultiviewX (OpenCV XML). Used by annotatedViews.ts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Pixels to metres of the ground plane (z = 0), 3 x 3 row-major.
 * @param folder holds `extrinsic/` and `intrinsics` @param metres of one unit of the extrinsic translation
 */
export function homographyOf(folder: string, intrinsics: string, name: string, metres: number): number[] {
  const extrinsic = readFileSync(join(folder, 'extrinsic', `extr_${name}.xml`), 'utf8');
  const intrinsic = readFileSync(join(folder, intrinsics, `intr_${name}.xml`), 'utf8');
  const r = rotation(numbersIn(extrinsic, 'rvec'));
  const t = numbersIn(extrinsic, 'tvec').map((value) => value * metres);
  const k = numbersIn(intrinsic, 'camera_matrix');
  // A point (x, y, 0) lies at K [r1 r2 t] (x, y, 1).
  const toImage = multiply(k, [r[0]!, r[1]!, t[0]!, r[3]!, r[4]!, t[1]!, r[6]!, r[7]!, t[2]!]);
  return inverse(toImage);
}

/** The numbers of an element, or of the `data` inside it. */
function numbersIn(xml: string, element: string): number[] {
  const body = new RegExp(`<${element}[^>]*>([\\s\\S]*?)</${element}>`).exec(xml)![1]!;
  const data = /<data>([\s\S]*?)<\/data>/.exec(body)?.[1] ?? body;
  return data.trim().split(/\s+/).map(Number);
}

/** Rodrigues' formula. */
function rotation([x, y, z]: number[]): number[] {
  const angle = Math.hypot(x!, y!, z!);
  const [a, b, c] = [x! / angle, y! / angle, z! / angle];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const rest = 1 - cos;
  return [
    cos + a * a * rest,
    a * b * rest - c * sin,
    a * c * rest + b * sin,
    b * a * rest + c * sin,
    cos + b * b * rest,
    b * c * rest - a * sin,
    c * a * rest - b * sin,
    c * b * rest + a * sin,
    cos + c * c * rest,
  ];
}

function multiply(a: number[], b: number[]): number[] {
  return Array.from({ length: 9 }, (_, i) => {
    const [row, column] = [Math.floor(i / 3) * 3, i % 3];
    return a[row]! * b[column]! + a[row + 1]! * b[column + 3]! + a[row + 2]! * b[column + 6]!;
  });
}

function inverse(m: number[]): number[] {
  const [a, b, c, d, e, f, g, h, i] = m as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  return [
    e * i - f * h,
    c * h - b * i,
    b * f - c * e,
    f * g - d * i,
    a * i - c * g,
    c * d - a * f,
    d * h - e * g,
    b * g - a * h,
    a * e - b * d,
  ].map((value) => value / determinant);
}
