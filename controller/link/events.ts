// What the controller and the local controllers of nodes say to each other: CloudEvents as JSON, one in a WebSocket message.
// downstream/ sends inventory, insert, update and delete; local/ answers each with acknowledged or refused.
import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { pathText, type Problem } from '../../config/validation/configError.ts';
import { createValidator, type Checked } from '../../config/validation/validator.ts';
import { PermanentError } from '../errors.ts';

/** Subprotocol of the WebSocket: a change that old ones cannot follow gets a new number. */
export const linkProtocol = 'mei.downstream.v1';
/** Largest message to a node, bytes; answers are much smaller. */
export const largestMessage = 4 << 20;
export const largestAnswer = 64 << 10;
export const mostTasksOfNode = 10_000;

const prefix = 'io.sedna.multiedge.downstream';
export const linkTypes = {
  inventory: `${prefix}.inventory.v1`,
  insert: `${prefix}.insert.v1`,
  update: `${prefix}.update.v1`,
  delete: `${prefix}.delete.v1`,
  acknowledged: `${prefix}.acknowledged.v1`,
  refused: `${prefix}.refused.v1`,
} as const;

export type LinkName = keyof typeof linkTypes;

const name = Type.String({ minLength: 1, maxLength: 253 });
const uid = Type.String({ minLength: 1, maxLength: 128 });

const TaskRef = Type.Object({
  namespace: name,
  name,
  uid,
  generation: Type.Integer({ minimum: 0 }),
});

/** The workers of one task on one node, as config/worker.ts describes them; only their functions read more than their names. */
const Share = Type.Object({
  task: TaskRef,
  /** Of workers and tokens: equal digests mean equal configurations. */
  digest: Type.String({ minLength: 1, maxLength: 128 }),
  workers: Type.Array(Type.Record(Type.String(), Type.Unknown()), { maxItems: 64 }),
  /** What the workers of the task know each other by, the one to show in front. */
  tokens: Type.Array(Type.String({ minLength: 16, maxLength: 1024 }), { minItems: 1, maxItems: 32 }),
});

const schemas = {
  /** All tasks of the node; what it holds besides is gone. */
  inventory: Type.Object({ tasks: Type.Array(TaskRef, { maxItems: mostTasksOfNode }) }),
  insert: Share,
  update: Share,
  delete: Type.Object({ task: TaskRef }),
  /** `of`: the id of the event that is stored now. */
  acknowledged: Type.Object({ of: name }),
  refused: Type.Object({ of: name, reason: Type.String({ maxLength: 1024 }) }),
} satisfies Record<LinkName, TSchema>;

export type TaskRef = Static<typeof TaskRef>;
export type Share = Omit<Static<typeof Share>, 'workers'> & { workers: { worker: string }[] };
type LinkData = {
  [Name in LinkName]: Name extends 'insert' | 'update' ? Share : Static<(typeof schemas)[Name]>;
};

export type LinkEvent = { [Name in LinkName]: { name: Name; id: string; data: LinkData[Name] } }[LinkName];

const checks = Object.fromEntries(
  Object.entries(schemas).map(([each, schema]) => [each, createValidator(schema as TSchema)]),
) as Record<LinkName, (value: unknown) => Checked<unknown>>;

/** @param source of the event: `/namespaces/a/multiedgeinferences/b`, or `/nodes/edge-1` */
export function linkMessage(event: LinkEvent, source: string): string {
  return JSON.stringify({
    specversion: '1.0',
    id: event.id,
    source,
    type: linkTypes[event.name],
    datacontenttype: 'application/json',
    data: event.data,
  });
}

/**
 * @param allowed what this side of the link takes
 * @throws PermanentError with what is wrong, in one line
 */
export function parseLinkMessage(text: string, allowed: readonly LinkName[]): LinkEvent {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new PermanentError('a message is no JSON', { cause });
  }
  const event = (value ?? {}) as Record<string, unknown>;
  const { id, type, source, data } = event;
  if (event['specversion'] !== '1.0') throw new PermanentError('a message is no CloudEvent 1.0');
  for (const [field, text] of Object.entries({ id, type, source }))
    if (typeof text !== 'string' || text === '' || text.length > 1024)
      throw new PermanentError(`a CloudEvent has no usable ${field}`);
  const found = allowed.find((each) => linkTypes[each] === type);
  if (found === undefined) throw new PermanentError(`events of type ${String(type)} are not taken here`);
  const { value: checked, problems } = checks[found](data);
  if (problems[0]) throw new PermanentError(`${String(type)}: ${inWords(problems[0])}`);
  const { workers = [] } = checked as { workers?: Record<string, unknown>[] };
  if (workers.some(({ worker }) => typeof worker !== 'string' || worker === ''))
    throw new PermanentError(`${String(type)}: data.workers: each has a name in \`worker\``);
  return { name: found, id: id as string, data: checked } as LinkEvent;
}

function inWords({ path, message }: Problem): string {
  return `data.${pathText(path)}: ${message}`;
}
