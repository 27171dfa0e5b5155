// Reads Kubernetes quantities and the resource's time spans; used by the loaders here, desired() and the host.

const byteUnits: Record<string, number> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

const secondsOf: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400 };

/** `64Mi` -> 67108864. Throws with the text when it is no quantity of bytes. */
export function quantityBytes(quantity: string | number): number {
  const [, digits, unit] = /^([0-9]+(?:\.[0-9]+)?)(k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(String(quantity)) ?? [];
  if (digits === undefined) throw new Error(`"${quantity}" is not a quantity of bytes such as 64Mi`);
  return Math.ceil(Number(digits) * byteUnits[unit ?? '']!);
}

/** `250m` -> 0.25 cores. Throws with the text when it is no quantity of cores. */
export function quantityCores(quantity: string | number): number {
  const [, digits, milli] = /^([0-9]+(?:\.[0-9]+)?)(m)?$/.exec(String(quantity)) ?? [];
  if (digits === undefined) throw new Error(`"${quantity}" is not a quantity of cores such as 500m or 2`);
  return milli === undefined ? Number(digits) : Number(digits) / 1000;
}

/** `1d12h` -> 129600 seconds. Throws with the text when it is no time span. */
export function durationSeconds(duration: string): number {
  if (!/^([0-9]+[smhd])+$/.test(duration))
    throw new Error(`"${duration}" is not a time span such as 90s or 30d`);
  let seconds = 0;
  for (const [, digits, unit] of duration.matchAll(/([0-9]+)([smhd])/g))
    seconds += Number(digits) * secondsOf[unit!]!;
  return seconds;
}
