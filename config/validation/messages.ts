// Turns Ajv's errors into sentences for people: what it must be, what it is, what to do; used by validator.ts.
import type { ErrorObject } from 'ajv';
import { valueText, type Path, type Problem } from './configError.ts';
import { nearest } from './suggestion.ts';

interface FieldSchema {
  type?: string | string[];
  description?: string;
  hint?: string;
  /** Fields that earlier versions had, and what to do now. */
  gone?: Record<string, string>;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  properties?: Record<string, FieldSchema>;
}

const typeNames: Record<string, string> = {
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'an object with fields',
  array: 'a list',
};

export function toProblem(error: ErrorObject): Problem {
  const path = pointerPath(error.instancePath);
  const schema = error.parentSchema as FieldSchema;
  const params = error.params as Record<string, string>;
  if (error.keyword === 'additionalProperties') {
    const field = params['additionalProperty'] ?? '';
    return { path: [...path, field], message: unknownField(field, schema) };
  }
  if (error.keyword === 'required') {
    const field = params['missingProperty'] ?? '';
    const missing = schema.properties?.[field];
    const meaning = missing?.hint ?? missing?.description;
    return { path: [...path, field], message: `is missing${meaning === undefined ? '' : `: ${meaning}`}` };
  }
  return {
    path,
    message: `must be ${expected(error, schema)}, got ${valueText(error.data)}${fix(error, schema)}`,
  };
}

function expected(error: ErrorObject, schema: FieldSchema): string {
  switch (error.keyword) {
    case 'type':
      return [schema.type ?? []]
        .flat()
        .map((type) => typeNames[type] ?? type)
        .join(' or ');
    case 'enum':
      return alternatives((error.params as { allowedValues: string[] }).allowedValues);
    case 'minimum':
    case 'maximum':
      return range(schema.minimum, schema.maximum, '');
    case 'exclusiveMinimum':
      return `greater than ${error.schema as number}`;
    case 'uniqueItems':
      return 'a list without repetitions';
    case 'minItems':
    case 'maxItems':
      return `a list ${range(schema.minItems, schema.maxItems, ' entries long')}`;
    case 'minLength':
    case 'maxLength':
      return `text ${range(schema.minLength, schema.maxLength, ' characters long')}`;
    case 'pattern':
    case 'format':
      return schema.hint ?? `like ${JSON.stringify(error.schema)}`;
    default:
      return error.message?.replace(/^must (be )?/, '') ?? 'valid';
  }
}

function fix(error: ErrorObject, schema: FieldSchema): string {
  const { data } = error;
  if (error.keyword === 'enum' && typeof data === 'string') {
    const meant = nearest(data, (error.params as { allowedValues: string[] }).allowedValues);
    if (meant !== undefined) return `; did you mean ${meant}?`;
  }
  if (error.keyword === 'type') {
    const types = [schema.type ?? []].flat();
    if (types.includes('string') && (typeof data === 'number' || typeof data === 'boolean'))
      return `; put it in quotes: '${data}'`;
    if (typeof data === 'string' && data.trim() !== '' && !types.includes('string') && isBare(data, types))
      return `; remove the quotes: ${data.trim()}`;
    if (types.includes('array') && data !== null) return '; begin each entry with a dash';
  }
  if (error.keyword === 'pattern' || error.keyword === 'format' || schema.description === undefined)
    return '';
  return `; it means: ${schema.description.replace(/[.] .*|[.]$/s, '')}`;
}

function isBare(data: string, types: string[]): boolean {
  if (types.includes('boolean')) return data === 'true' || data === 'false';
  return (types.includes('number') || types.includes('integer')) && Number.isFinite(Number(data));
}

function unknownField(field: string, { gone = {}, properties = {} }: FieldSchema): string {
  if (Object.hasOwn(gone, field)) return `is no field any more: ${gone[field]}`;
  const known = Object.keys(properties);
  const meant = nearest(field, known);
  if (meant !== undefined) return `is not a known field; did you mean ${meant}?`;
  return `is not a known field; known here: ${known.join(', ')}`;
}

function alternatives(words: string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function range(low: number | undefined, high: number | undefined, unit: string): string {
  if (low === high) return `exactly ${low}${unit}`;
  if (high === undefined) return `at least ${low}${unit}`;
  return low === undefined ? `at most ${high}${unit}` : `between ${low} and ${high}${unit}`;
}

function pointerPath(pointer: string): Path {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^(0|[1-9][0-9]*)$/.test(step) ? Number(step) : step));
}
