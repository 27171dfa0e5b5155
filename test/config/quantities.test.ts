import { expect, test } from '@jest/globals';
import { durationSeconds, quantityBytes, quantityCores } from '../../config/quantities.ts';

test.each([
  ['64Mi', 67_108_864],
  ['1.5Gi', 1_610_612_736],
  ['100M', 100_000_000],
  ['2k', 2000],
  [4096, 4096],
  ['0', 0],
])('%s is %d bytes', (text, bytes) => expect(quantityBytes(text)).toBe(bytes));

test.each([
  ['250m', 0.25],
  ['2', 2],
  [1, 1],
  ['0.5', 0.5],
])('%s is %d cores', (text, cores) => expect(quantityCores(text)).toBe(cores));

test.each([
  ['90s', 90],
  ['15m', 900],
  ['1d12h', 129_600],
  ['0s', 0],
])('%s is %d seconds', (text, seconds) => expect(durationSeconds(text)).toBe(seconds));

test.each([
  [() => quantityBytes('250m'), '"250m" is not a quantity of bytes'],
  [() => quantityBytes('-1'), '"-1" is not a quantity of bytes'],
  [() => quantityCores('64Mi'), '"64Mi" is not a quantity of cores'],
  [() => durationSeconds('1w'), '"1w" is not a time span'],
  [() => durationSeconds(''), '"" is not a time span'],
])('%s throws', (read, message) => expect(read).toThrow(message));
