// The list of log messages is complete and true: read out of the sources, call by call.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import ts from 'typescript';
import { messages, type MessageEntry } from '../../config/messages.ts';
import { packageRoot } from '../../config/packageRoot.ts';

interface Call {
  place: string;
  level: string;
  message: string | undefined;
  keys: string[];
  /** Whether `keys` are all: false where an object that is made elsewhere is spread into them. */
  isWhole: boolean;
}

const list: Record<string, MessageEntry> = messages;
const levels = ['debug', 'info', 'warn', 'error'];
/** They hand on what their callers say. */
const passedOn = ['functions/host/workerProcess.ts'];

/** Every call of a logger: `log.warn({ camera }, 'text')`. */
function callsOf(path: string, text: string): Call[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const calls: Call[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const call = loggerCall(node, file);
      if (call) calls.push({ ...call, place: `${path}: ${call.place}` });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return calls;
}

function loggerCall(node: ts.CallExpression, file: ts.SourceFile): Call | undefined {
  const callee = node.expression;
  const [keys, message] = node.arguments;
  if (!ts.isPropertyAccessExpression(callee) || !keys || !message) return undefined;
  const level = callee.name.text;
  if (!levels.includes(level) || !/log$/i.test(callee.expression.getText(file))) return undefined;
  const fields = ts.isObjectLiteralExpression(keys) ? [...keys.properties] : [];
  const named = fields.flatMap((field) =>
    field.name ? [field.name.getText(file)] : spreadNames(field, file),
  );
  const isWhole =
    ts.isObjectLiteralExpression(keys) &&
    fields.every((field) => field.name !== undefined || spreadNames(field, file).length > 0);
  return {
    place: node.getText(file).slice(0, 80),
    level,
    message: ts.isStringLiteralLike(message) ? message.text : undefined,
    keys: named,
    isWhole,
  };
}

/** Of `...(condition && { name })`. */
function spreadNames(field: ts.Node, file: ts.SourceFile): string[] {
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isObjectLiteralExpression(node))
      names.push(...node.properties.flatMap((each) => each.name?.getText(file) ?? []));
    else ts.forEachChild(node, visit);
  };
  visit(field);
  return names;
}

function sources(): string[] {
  return ['cli', 'config', 'console', 'controller', 'delivery', 'functions']
    .filter((folder) => existsSync(join(packageRoot(), folder)))
    .flatMap((folder) =>
      readdirSync(join(packageRoot(), folder), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts'))
        .map((path) => `${folder}/${path}`),
    );
}

const calls = sources().flatMap((path) => callsOf(path, readFileSync(join(packageRoot(), path), 'utf8')));

test('the reader of sources finds what it is for', () => {
  const [call] = callsOf('a.ts', "this.#parts.log.warn({ camera, ...(b && { reason: 1 }) }, 'camera lost')");
  expect(call).toMatchObject({
    level: 'warn',
    message: 'camera lost',
    keys: ['camera', 'reason'],
    isWhole: true,
  });
  expect(calls.length).toBeGreaterThan(70);
});

test('each call writes a message of the list, at its level, with its keys and no others', () => {
  const wrong = calls
    .filter(({ place }) => !passedOn.some((path) => place.startsWith(path)))
    .flatMap(({ place, level, message, keys }) => {
      const entry = message === undefined ? undefined : list[message];
      if (!entry) return [`${place}: its message is not in config/messages`];
      const strange = keys.filter((key) => !entry.keys.includes(key));
      return [
        ...(entry.level === level ? [] : [`${place}: the list says ${entry.level}`]),
        ...strange.map((key) => `${place}: the list does not name the key ${key}`),
      ];
    });
  expect(wrong).toEqual([]);
});

test('each message of the list is written somewhere, with each of its keys', () => {
  const passed = passedOn.map((path) => readFileSync(join(packageRoot(), path), 'utf8')).join();
  const unused = Object.entries(list).flatMap(([message, { keys }]) => {
    const found = calls.filter((call) => call.message === message);
    if (found.length === 0) return passed.includes(`'${message}'`) ? [] : [message];
    if (found.some(({ isWhole }) => !isWhole)) return [];
    return keys
      .filter((key) => !found.some((call) => call.keys.includes(key)))
      .map((key) => `${message}: ${key}`);
  });
  expect(unused).toEqual([]);
});

test('no message asks for pixels, vectors or secrets', () => {
  // A count, such as of vectors, is none of them.
  const asked = Object.values(list).flatMap(({ keys }) => keys);
  expect(
    asked.filter((key) => /^(pixels|vector|embedding|tokens?|password|secret|credentials?)$/i.test(key)),
  ).toEqual([]);
});
