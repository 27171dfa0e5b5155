// The one-to-one assignment under the tracker's association stages: finds the independent groups first, then solves each exactly.

/** Scratch memory of `assign`, made once per tracker so that frames allocate nothing. */
export interface AssignmentSpace {
  readonly maxRows: number;
  readonly maxColumns: number;
  /** rows x columns, row-major, filled by the caller; `Infinity` forbids a pair. */
  readonly cost: Float64Array;
  /** Result: column of each row, -1 when the row stays alone. */
  readonly columnOfRow: Int32Array;
  /** Result: row of each column, -1 when the column stays alone. */
  readonly rowOfColumn: Int32Array;
  readonly group: Int32Array;
  readonly groupRows: Int32Array;
  readonly groupColumns: Int32Array;
  readonly queue: Int32Array;
  readonly rowPotential: Float64Array;
  readonly columnPotential: Float64Array;
  readonly distance: Float64Array;
  readonly previous: Int32Array;
  readonly owner: Int32Array;
  readonly visited: Uint8Array;
}

/** @param maxRows @param maxColumns largest problem ever given to `assign` */
export function createAssignmentSpace(maxRows: number, maxColumns: number): AssignmentSpace {
  const longest = Math.max(maxRows, maxColumns) + 1;
  return {
    maxRows,
    maxColumns,
    cost: new Float64Array(maxRows * maxColumns),
    columnOfRow: new Int32Array(maxRows),
    rowOfColumn: new Int32Array(maxColumns),
    group: new Int32Array(maxRows + maxColumns),
    groupRows: new Int32Array(longest),
    groupColumns: new Int32Array(longest),
    queue: new Int32Array(maxRows + maxColumns),
    rowPotential: new Float64Array(longest),
    columnPotential: new Float64Array(longest),
    distance: new Float64Array(longest),
    previous: new Int32Array(longest),
    owner: new Int32Array(longest),
    visited: new Uint8Array(longest),
  };
}

/**
 * Chooses pairs so that the sum of (limit - cost) is largest: a pair at or above `limit` is never made, and leaving both sides
 * alone is as good as a pair at the limit. Reads `space.cost`, writes `space.columnOfRow` and `space.rowOfColumn`.
 */
export function assign(space: AssignmentSpace, rows: number, columns: number, limit: number): void {
  space.columnOfRow.fill(-1, 0, rows);
  space.rowOfColumn.fill(-1, 0, columns);
  space.group.fill(-1, 0, rows + columns);
  for (let row = 0; row < rows; row++) {
    if (space.group[row] !== -1) continue;
    const size = gatherGroup(space, rows, columns, row, limit);
    if (size.columns === 0) continue;
    if (size.rows === 1 && size.columns === 1) pair(space, row, space.groupColumns[0]!);
    else solveGroup(space, columns, size.rows, size.columns, limit);
  }
}

function pair(space: AssignmentSpace, row: number, column: number): void {
  space.columnOfRow[row] = column;
  space.rowOfColumn[column] = row;
}

/** Collects the rows and columns that are linked to `start` by allowed pairs. */
function gatherGroup(space: AssignmentSpace, rows: number, columns: number, start: number, limit: number) {
  const { cost, group, groupRows, groupColumns, queue } = space;
  let head = 0;
  let tail = 0;
  let rowCount = 0;
  let columnCount = 0;
  queue[tail++] = start;
  group[start] = start;
  while (head < tail) {
    const node = queue[head++]!;
    if (node < rows) {
      groupRows[rowCount++] = node;
      for (let column = 0; column < columns; column++) {
        if (group[rows + column] !== -1 || !(cost[node * columns + column]! < limit)) continue;
        group[rows + column] = start;
        queue[tail++] = rows + column;
      }
    } else {
      const column = node - rows;
      groupColumns[columnCount++] = column;
      for (let row = 0; row < rows; row++) {
        if (group[row] !== -1 || !(cost[row * columns + column]! < limit)) continue;
        group[row] = start;
        queue[tail++] = row;
      }
    }
  }
  return { rows: rowCount, columns: columnCount };
}

/** Shortest augmenting paths with potentials (Jonker-Volgenant family) on one group, the shorter side as agents. */
function solveGroup(
  space: AssignmentSpace,
  stride: number,
  rowCount: number,
  columnCount: number,
  limit: number,
): void {
  const { groupRows, groupColumns, owner } = space;
  const transposed = rowCount > columnCount;
  const agents = transposed ? columnCount : rowCount;
  const tasks = transposed ? rowCount : columnCount;
  const costOf = (agent: number, task: number): number => {
    const row = groupRows[transposed ? task : agent]!;
    const column = groupColumns[transposed ? agent : task]!;
    return Math.min(space.cost[row * stride + column]!, limit);
  };
  space.rowPotential.fill(0, 0, agents + 1);
  space.columnPotential.fill(0, 0, tasks + 1);
  owner.fill(0, 0, tasks + 1);
  for (let agent = 1; agent <= agents; agent++) augment(space, agent, tasks, costOf);
  for (let task = 1; task <= tasks; task++) {
    const agent = owner[task]!;
    if (agent === 0 || costOf(agent - 1, task - 1) >= limit) continue;
    const row = groupRows[(transposed ? task : agent) - 1]!;
    pair(space, row, groupColumns[(transposed ? agent : task) - 1]!);
  }
}

/** Finds the cheapest way to give one more agent a task, moving others if needed. Indices are 1-based, 0 means none. */
function augment(
  space: AssignmentSpace,
  agent: number,
  tasks: number,
  costOf: (agent: number, task: number) => number,
): void {
  const { rowPotential, columnPotential, distance, previous, owner, visited } = space;
  distance.fill(Infinity, 0, tasks + 1);
  visited.fill(0, 0, tasks + 1);
  owner[0] = agent;
  let task = 0;
  do {
    visited[task] = 1;
    const current = owner[task]!;
    let step = Infinity;
    let next = 0;
    for (let candidate = 1; candidate <= tasks; candidate++) {
      if (visited[candidate]) continue;
      const reduced =
        costOf(current - 1, candidate - 1) - rowPotential[current]! - columnPotential[candidate]!;
      if (reduced < distance[candidate]!) {
        distance[candidate] = reduced;
        previous[candidate] = task;
      }
      if (distance[candidate]! < step) {
        step = distance[candidate]!;
        next = candidate;
      }
    }
    for (let seen = 0; seen <= tasks; seen++) {
      if (visited[seen]) {
        rowPotential[owner[seen]!] = rowPotential[owner[seen]!]! + step;
        columnPotential[seen] = columnPotential[seen]! - step;
      } else distance[seen] = distance[seen]! - step;
    }
    task = next;
  } while (owner[task] !== 0);
  while (task !== 0) {
    const before = previous[task]!;
    owner[task] = owner[before]!;
    task = before;
  }
}
