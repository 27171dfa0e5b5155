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
  /** Sizes of the group gathered last: rows, columns. */
  readonly groupSize: Int32Array;
  /** Costs of one group, agents x tasks. */
  readonly groupCost: Float64Array;
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
    groupSize: new Int32Array(2),
    groupCost: new Float64Array(maxRows * maxColumns),
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
    gatherGroup(space, rows, columns, row, limit);
    const groupRows = space.groupSize[0]!;
    const groupColumns = space.groupSize[1]!;
    if (groupColumns === 0) continue;
    if (groupRows === 1 && groupColumns === 1) pair(space, row, space.groupColumns[0]!);
    else solveGroup(space, columns, groupRows, groupColumns, limit);
  }
}

function pair(space: AssignmentSpace, row: number, column: number): void {
  space.columnOfRow[row] = column;
  space.rowOfColumn[column] = row;
}

/** Collects the rows and columns that are linked to `start` by allowed pairs. */
function gatherGroup(
  space: AssignmentSpace,
  rows: number,
  columns: number,
  start: number,
  limit: number,
): void {
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
  space.groupSize[0] = rowCount;
  space.groupSize[1] = columnCount;
}

/** Shortest augmenting paths with potentials (Jonker-Volgenant family) on one group, the shorter side as agents. */
function solveGroup(
  space: AssignmentSpace,
  stride: number,
  rowCount: number,
  columnCount: number,
  limit: number,
): void {
  const { groupRows, groupColumns, groupCost, owner } = space;
  const transposed = rowCount > columnCount;
  const agents = transposed ? columnCount : rowCount;
  const tasks = transposed ? rowCount : columnCount;
  for (let agent = 0; agent < agents; agent++) {
    for (let task = 0; task < tasks; task++) {
      const row = groupRows[transposed ? task : agent]!;
      const column = groupColumns[transposed ? agent : task]!;
      groupCost[agent * tasks + task] = Math.min(space.cost[row * stride + column]!, limit);
    }
  }
  space.rowPotential.fill(0, 0, agents + 1);
  space.columnPotential.fill(0, 0, tasks + 1);
  owner.fill(0, 0, tasks + 1);
  for (let agent = 1; agent <= agents; agent++) augment(space, agent, tasks);
  for (let task = 1; task <= tasks; task++) {
    const agent = owner[task]!;
    if (agent === 0 || groupCost[(agent - 1) * tasks + task - 1]! >= limit) continue;
    const row = groupRows[(transposed ? task : agent) - 1]!;
    pair(space, row, groupColumns[(transposed ? agent : task) - 1]!);
  }
}

/** Finds the cheapest way to give one more agent a task, moving others if needed. Indices are 1-based, 0 means none. */
function augment(space: AssignmentSpace, agent: number, tasks: number): void {
  const { groupCost, rowPotential, columnPotential, distance, previous, owner, visited } = space;
  distance.fill(Infinity, 0, tasks + 1);
  visited.fill(0, 0, tasks + 1);
  owner[0] = agent;
  let task = 0;
  do {
    visited[task] = 1;
    const current = owner[task]!;
    const start = (current - 1) * tasks - 1;
    let step = Infinity;
    let next = 0;
    for (let candidate = 1; candidate <= tasks; candidate++) {
      if (visited[candidate]) continue;
      const reduced = groupCost[start + candidate]! - rowPotential[current]! - columnPotential[candidate]!;
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
