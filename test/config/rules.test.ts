// Each rule between fields: broken once, kept once; a rule without a case here fails the last test.
import { expect, test } from '@jest/globals';
import type { TSchema } from '@sinclair/typebox';
import { Spec } from '../../config/schema/spec.ts';
import { rulesOf, type AnyRule } from '../../config/schema/rule.ts';
import { Timing } from '../../config/schema/tracking.ts';
import { ruleCases } from './ruleCases.ts';
import { problemsOf } from './taskText.ts';

test.each(ruleCases)('%s (at %s)', (message, place, broken, kept) => {
  expect(problemsOf(broken)).toEqual([expect.stringMatching(startOf(`${place}: ${message}`))]);
  expect(problemsOf(kept)).toEqual([]);
});

test.each([
  [
    'cameras',
    {
      cameras: [
        { id: 'a', source: {} },
        { id: 'b', source: {} },
        { id: 'a', source: {} },
      ],
    },
    'spec.cameras[2].id: "a" is already the id of entry 0',
  ],
  [
    'targets',
    {
      targets: [
        { name: 'a', images: [{ file: 'x' }] },
        { name: 'a', images: [{ file: 'y' }] },
      ],
    },
    'spec.targets[1].name: "a" is already',
  ],
])('keys of %s are unique', (_list, spec, message) => {
  expect(problemsOf(spec)).toEqual([expect.stringContaining(message)]);
});

test('rules are not asked about values that do not fit their schema', () => {
  expect(
    problemsOf({ timing: { mode: 'History' }, cameras: [{ id: 'left', source: { type: 'File', uri: 7 } }] }),
  ).toEqual([expect.stringContaining('uri: must be text, got 7')]);
});

test('timing.mode cannot be edited', () => {
  const [rule] = rulesOf(Timing);
  expect(rule).toHaveProperty('checkEdit');
  const edit = (self: object, old: object) =>
    (rule as unknown as { checkEdit(self: object, old: object): boolean }).checkEdit(self, old);
  expect(edit({ mode: 'History' }, { mode: 'OnTheFly' })).toBe(false);
  expect(edit({ mode: 'History' }, { mode: 'History' })).toBe(true);
});

test('every rule of the resource has a case above', () => {
  const messages = allRules(Spec)
    .filter((rule) => 'check' in rule)
    .map((rule) => rule.message);
  expect(messages.length).toBeGreaterThan(15);
  expect(
    messages.filter((message) => !ruleCases.some(([beginning]) => message.startsWith(beginning))),
  ).toEqual([]);
});

function allRules(schema: TSchema): AnyRule<unknown>[] {
  const inner = [
    ...Object.values((schema['properties'] ?? {}) as Record<string, TSchema>),
    ...(schema['items'] === undefined ? [] : [schema['items'] as TSchema]),
  ];
  return [...rulesOf(schema), ...inner.flatMap(allRules)];
}

function startOf(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`);
}
