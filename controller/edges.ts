// Whether the nodes of a task know what they should: the condition EdgesSynced and the generation of each node. Pure; conditions.ts asks.
import type { Status } from '../config/schema/status.ts';
import type { NodeProgress } from './downstream/downstream.ts';

/** What is asked of a task's nodes, and what was known of them before this process began. */
export interface EdgeFacts {
  generation: number;
  edges: readonly NodeProgress[];
  before: Status;
}

interface EdgesClaim {
  type: 'EdgesSynced';
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
}

const type = 'EdgesSynced';

export function edgesClaim(facts: EdgeFacts): EdgesClaim {
  const edges = counted(facts);
  if (edges.every(({ isKnown }) => !isKnown))
    return {
      type,
      status: 'Unknown',
      reason: 'NoLocalController',
      message:
        'no local controller has confirmed this task; workers read their configuration from ConfigMaps',
    };
  const open = edges.filter(({ isConfirmed }) => !isConfirmed);
  if (open.length === 0) {
    const all = edges.length === 1 ? 'its node has' : `all ${edges.length} nodes have`;
    return {
      type,
      status: 'True',
      reason: 'Confirmed',
      message: `${all} confirmed generation ${facts.generation}`,
    };
  }
  const words = open.map((edge) => inWords(edge, facts.generation));
  return { type, status: 'False', reason: 'NotConfirmed', message: words.join('; ') };
}

/** Nodes that have confirmed anything, and what. Their state is the status function's to say, or the server's default. */
export function edgeNodes(facts: EdgeFacts): NonNullable<Status['nodes']> {
  const nodes = counted(facts).flatMap(({ node, generation }) =>
    generation === undefined ? [] : [{ name: node, generation }],
  );
  return nodes as NonNullable<Status['nodes']>;
}

type Edge = NodeProgress & { isKnown: boolean };

/** A node that is not back since this process began counts as it did before: what it stored, it has. */
function counted({ edges, before, generation }: EdgeFacts): Edge[] {
  return edges
    .filter(({ isCounted }) => isCounted)
    .map((edge): Edge => {
      if (edge.wasConnected) return { ...edge, isKnown: true };
      const remembered = before.nodes?.find(({ name }) => name === edge.node)?.generation;
      if (remembered === undefined) return { ...edge, isKnown: false };
      return { ...edge, isKnown: true, generation: remembered, isConfirmed: remembered === generation };
    });
}

function inWords(
  { node, isKnown, isConnected, generation, awaySince, problem }: Edge,
  wanted: number,
): string {
  if (!isKnown) return `node ${node} has no local controller`;
  const last = generation === undefined ? '' : ` (last ${generation})`;
  const why = problem ?? (isConnected ? undefined : `not connected since ${awaySince.slice(11, 16)} UTC`);
  return `node ${node} has not confirmed generation ${wanted}${last}${why === undefined ? '' : `; ${why}`}`;
}
