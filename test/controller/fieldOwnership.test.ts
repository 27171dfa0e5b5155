import { expect, test } from '@jest/globals';
import { asApplied, creationOf, entriesOnly, turnIntoApplied } from '../../controller/fieldOwnership.ts';

const created = {
  manager: 'us',
  operation: 'Update',
  apiVersion: 'v1',
  fieldsType: 'FieldsV1',
  fieldsV1: { 'f:data': { 'f:a': {}, 'f:old': {} } },
};
const status = { manager: 'us', operation: 'Update', subresource: 'status', fieldsV1: { 'f:status': {} } };
const theirs = { manager: 'them', operation: 'Update', fieldsV1: { 'f:metadata': {} } };

test('what was created counts as applied, and nothing else changes', () => {
  expect(asApplied([theirs, created, status], 'us')).toEqual([
    theirs,
    status,
    { ...created, operation: 'Apply' },
  ]);
});

test('what was created and applied since is one set of fields, so that all of it can be taken away', () => {
  const applied = { ...created, operation: 'Apply', fieldsV1: { 'f:data': { 'f:a': {}, 'f:new': {} } } };
  expect(asApplied([created, applied], 'us')).toEqual([
    { ...applied, fieldsV1: { 'f:data': { 'f:a': {}, 'f:old': {}, 'f:new': {} } } },
  ]);
});

test('objects of others, and those that were applied already, stay as they are', () => {
  const applied = { ...created, operation: 'Apply' };
  expect(asApplied([theirs, applied], 'us')).toEqual([theirs, applied]);
  expect(creationOf([theirs, applied, status], 'us')).toBeUndefined();
  expect(creationOf(undefined, 'us')).toBeUndefined();
});

test('copies keep whose an object is and not which fields, which is enough to turn creation into application', () => {
  const kept = entriesOnly([theirs, status, created]);
  expect(JSON.stringify(kept)).not.toContain('f:');
  expect(turnIntoApplied(kept, 'us')).toEqual([
    { op: 'test', path: '/metadata/managedFields/2/manager', value: 'us' },
    { op: 'test', path: '/metadata/managedFields/2/operation', value: 'Update' },
    { op: 'replace', path: '/metadata/managedFields/2/operation', value: 'Apply' },
  ]);
  expect(turnIntoApplied(entriesOnly([theirs, status]), 'us')).toBeUndefined();
  expect(turnIntoApplied([created, { ...created, operation: 'Apply' }], 'us')).toBeUndefined();
});
