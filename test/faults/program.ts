// The program as an image holds it, compiled without checking types: real processes of it start in half a second, and a
// fault test starts many.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { transformSync } from '@swc/core';

const sources = ['config', 'delivery', 'functions', 'controller'];
const needed = ['package.json', 'serverless.yml', 'node_modules', 'config', 'models'];

export interface Program {
  /** Entry of a worker. */
  host: string;
  /** Entry of a local controller. */
  localController: string;
  remove(): void;
}

export function compileProgram(): Program {
  const root = mkdtempSync(join(tmpdir(), 'mei-program-'));
  for (const name of needed) symlinkSync(join(process.cwd(), name), join(root, name));
  for (const folder of sources) {
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (file.endsWith('.ts')) compile(join(folder, file), join(root, 'dist', folder, file));
    }
  }
  return {
    host: join(root, 'dist/functions/host/main.js'),
    localController: join(root, 'dist/controller/local/main.js'),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

function compile(source: string, target: string): void {
  const { code } = transformSync(readFileSync(source, 'utf8'), {
    filename: source,
    swcrc: false,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'es6' },
  });
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(
    target.replace(/\.ts$/, '.js'),
    code.replaceAll(/(["']\.{1,2}\/[^"'\n]+)\.ts(["'])/g, '$1.js$2'),
  );
}
