// What EdgesSynced says of every mix of nodes.
import { expect, test } from '@jest/globals';
import type { Status } from '../../config/schema/status.ts';
import type { NodeProgress } from '../../controller/downstream/downstream.ts';
import { edgeNodes, edgesClaim } from '../../controller/edges.ts';

function edge(node: string, more: Partial<NodeProgress> = {}): NodeProgress {
  return {
    node,
    isCounted: true,
    isConfirmed: true,
    generation: 3,
    isConnected: true,
    wasConnected: true,
    awaySince: '2026-01-01T12:03:59Z',
    ...more,
  };
}

const { generation: _, ...never } = edge('edge-3', {
  isConfirmed: false,
  isConnected: false,
  wasConnected: false,
});
const behind = edge('edge-2', { isConfirmed: false, generation: 2 });

const said = (edges: NodeProgress[], before: Status = {}) => {
  const { status, reason, message } = edgesClaim({ edges, before, generation: 3 });
  return `${status}/${reason}: ${message}`;
};

test.each<[string, NodeProgress[], string]>([
  [
    'no local controller',
    [never],
    'Unknown/NoLocalController: no local controller has confirmed this task; workers read their configuration from ConfigMaps',
  ],
  [
    'no node at all',
    [],
    'Unknown/NoLocalController: no local controller has confirmed this task; workers read their configuration from ConfigMaps',
  ],
  ['all', [edge('edge-1'), edge('edge-2')], 'True/Confirmed: all 2 nodes have confirmed generation 3'],
  [
    'all, one of them away since',
    [edge('edge-1', { isConnected: false })],
    'True/Confirmed: its node has confirmed generation 3',
  ],
  [
    'one behind',
    [edge('edge-1'), behind],
    'False/NotConfirmed: node edge-2 has not confirmed generation 3 (last 2)',
  ],
  [
    'one behind and away',
    [edge('edge-1'), { ...behind, isConnected: false }],
    'False/NotConfirmed: node edge-2 has not confirmed generation 3 (last 2); not connected since 12:03 UTC',
  ],
  [
    'one that cannot store it',
    [{ ...behind, problem: 'the disk is full' }],
    'False/NotConfirmed: node edge-2 has not confirmed generation 3 (last 2); the disk is full',
  ],
  ['some without', [edge('edge-1'), never], 'False/NotConfirmed: node edge-3 has no local controller'],
  [
    'a node without cameras',
    [edge('edge-1'), { ...never, isCounted: false }],
    'True/Confirmed: its node has confirmed generation 3',
  ],
])('with %s it says so', (_name, edges, words) => {
  expect(said(edges)).toBe(words);
});

test('a controller that has just begun remembers what nodes confirmed before', () => {
  const before: Status = { nodes: [{ name: 'edge-3', phase: 'Running', generation: 3 }] };
  expect(said([never], before)).toBe('True/Confirmed: its node has confirmed generation 3');
  before.nodes![0]!.generation = 2;
  expect(said([never], before)).toBe(
    'False/NotConfirmed: node edge-3 has not confirmed generation 3 (last 2); not connected since 12:03 UTC',
  );
});

test('a node that is back counts for what it says itself', () => {
  const before: Status = { nodes: [{ name: 'edge-3', phase: 'Running', generation: 3 }] };
  const empty = { ...never, isConnected: true, wasConnected: true };
  expect(said([empty], before)).toBe('False/NotConfirmed: node edge-3 has not confirmed generation 3');
  expect(edgeNodes({ edges: [empty], before, generation: 3 })).toEqual([]);
});

test('the generation of each node goes into the status, and nothing that others say', () => {
  const edges = [edge('edge-1'), behind, never, edge('cloud-1', { isCounted: false })];
  expect(edgeNodes({ edges, before: {}, generation: 3 })).toEqual([
    { name: 'edge-1', generation: 3 },
    { name: 'edge-2', generation: 2 },
  ]);
});
