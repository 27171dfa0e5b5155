import { expect, test } from '@jest/globals';
import { errorFields, hideSecrets, logKeys, shortLine } from '../../config/logLines.ts';

test.each([
  ['rtsp://viewer:secret@10.0.0.1/a refused', 'rtsp://10.0.0.1/a refused'],
  ['rtsp://viewer:se/cr@et@10.0.0.1/a', 'rtsp://10.0.0.1/a'],
  ['https://h/m.onnx?sig=secret&x=1: 404', 'https://h/m.onnx?[hidden] 404'],
  ['Authorization: Bearer secret-token, next', 'Authorization: Bearer [hidden], next'],
  ['basic c2VjcmV0', 'basic [hidden]'],
  ['access_token=secret; password=secret', 'access_token=[hidden]; password=[hidden]'],
  ['POST http://cloud:8080/ 200', 'POST http://cloud:8080/ 200'],
  ['a@b.example wrote 5? yes', 'a@b.example wrote 5? yes'],
])('%s is logged as %s', (text, shown) => {
  expect(hideSecrets(text)).toBe(shown);
});

test('bytes, vectors and requests that hang on errors are not logged', () => {
  const error = Object.assign(
    new Error('failed for http://u:secret@h/', { cause: new Error('deep: Bearer secret') }),
    {
      config: { headers: { authorization: 'secret' } },
      request: { body: 'secret' },
      code: 'ECONNRESET',
    },
  );
  const keys = {
    error,
    camera: 'a',
    pixels: new Uint8Array(9),
    event: { data: [1, 2], vector: Int8Array.of(1), uri: new URL('http://u:secret@h/') },
    list: Array(100).fill(7),
    buffer: Buffer.from('secret'),
  };
  const text = JSON.stringify(logKeys(keys));
  expect(text).not.toMatch(/secret/);
  expect(JSON.parse(text)).toEqual({
    camera: 'a',
    pixels: '[hidden]',
    event: { data: '[hidden]', vector: '[hidden]', uri: 'http://h/' },
    list: [...Array<number>(20).fill(7), 'and 80 more'],
    buffer: '6 bytes',
    error: {
      type: 'Error',
      message: 'failed for http://h/',
      code: 'ECONNRESET',
      stack: (JSON.parse(text) as { error: { stack: string } }).error.stack,
      cause: 'deep: Bearer [hidden]',
    },
  });
  expect(errorFields('plain')).toBe('plain');
});

test('what has no end is cut', () => {
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  expect(JSON.stringify(logKeys(loop))).toContain('[hidden]');
  const line = JSON.stringify({ level: 30, time: 'now', msg: 'said', keys: 'x'.repeat(20_000) });
  expect(JSON.parse(shortLine(line))).toEqual({ level: 30, time: 'now', msg: 'said', cut: line.length });
});
