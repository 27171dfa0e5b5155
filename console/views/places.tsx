// The cameras and the ways between them: what the task says, and how people really went. console.tsx opens it.
import type { TaskView, WayView } from '../../functions/console/types.ts';
import { cameraColour } from '../parts/cameraColour.ts';
import type { Model } from '../state.ts';
import { count, duration } from '../words.ts';

const width = 900;
const radius = 46;

interface Point {
  x: number;
  y: number;
}

export function PlacesPage({ model }: { model: Model }) {
  const task = model.task!;
  const { ways, overlaps, wayFloor } = task;
  return (
    <div class="places">
      <section class="card" aria-labelledby="graph-title">
        <h2 id="graph-title">How people go</h2>
        <Graph task={task} />
        <p class="quiet">
          Arrows: how many people went and how long they usually took. Dashed lines: views that overlap, so
          that somebody may be in both at a time.
        </p>
      </section>
      <section class="card" aria-labelledby="ways-title">
        <h2 id="ways-title">Ways</h2>
        {ways.length === 0 && (
          <p>Nobody has surely gone from one camera to another yet, and the task names no ways.</p>
        )}
        {ways.length > 0 && (
          <div class="scroll" tabIndex={0} role="region" aria-label="Ways between cameras">
            <table>
              <thead>
                <tr>
                  <th scope="col">From</th>
                  <th scope="col">To</th>
                  <th scope="col">Went</th>
                  <th scope="col">Of those who left</th>
                  <th scope="col">Usually</th>
                  <th scope="col">A tenth and nine tenths</th>
                  <th scope="col">Allowed</th>
                </tr>
              </thead>
              <tbody>
                {ways.map((way) => (
                  <Row key={`${way.from} ${way.to}`} way={way} />
                ))}
              </tbody>
            </table>
          </div>
        )}
        {wayFloor !== undefined && ways.some(({ seen }) => seen) && (
          <p class="quiet">
            What matching learned from people whose looks alone make it sure; it counts as evidence. A way
            that nobody went is never ruled out: it keeps {Math.round(100 * wayFloor)} % of what is usual on
            any site.
          </p>
        )}
        {overlaps.length > 0 && (
          <p>Overlapping views: {overlaps.map((cameras) => cameras.join(' and ')).join('; ')}.</p>
        )}
      </section>
    </div>
  );
}

function Row({ way: { from, to, seen, allowed } }: { way: WayView }) {
  return (
    <tr>
      <td>{from}</td>
      <td>{to}</td>
      <td class="figure">{seen ? `${seen.people}×` : 'nobody'}</td>
      <td class="figure">{seen?.share === undefined ? '' : `${Math.round(100 * seen.share)} %`}</td>
      <td class="figure">{seen ? duration(seen.usualS) : ''}</td>
      <td class="figure">{seen ? `${duration(seen.quickS)} to ${duration(seen.slowS)}` : ''}</td>
      <td class="figure">
        {allowed ? `${duration(allowed.minS)} to ${duration(allowed.maxS)}` : 'not limited'}
      </td>
    </tr>
  );
}

function Graph({ task }: { task: TaskView }) {
  const { cameras, ways, overlaps } = task;
  const height = cameras.length <= 2 ? 240 : 440;
  const places = new Map(cameras.map(({ id }, index) => [id, placeOf(index, cameras.length, height)]));
  const most = Math.max(1, ...ways.map(({ seen }) => seen?.people ?? 0));
  const summary = `${count(cameras.length, 'camera', 'cameras')}, ${count(ways.length, 'way', 'ways')}; the table below has them all`;
  return (
    <svg class="graph" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={summary}>
      <defs>
        <marker
          id="tip"
          viewBox="0 0 10 10"
          refX="8"
          refY="5"
          markerWidth="7"
          markerHeight="7"
          markerUnits="userSpaceOnUse"
          orient="auto"
        >
          <path d="M0 0 10 5 0 10Z" />
        </marker>
      </defs>
      {overlaps.map(([a, b]) => {
        const [from, to] = [places.get(a), places.get(b)];
        return (
          from && to && <line key={`${a} ${b}`} class="overlap" x1={from.x} y1={from.y} x2={to.x} y2={to.y} />
        );
      })}
      {ways.map((way) => {
        const [from, to] = [places.get(way.from), places.get(way.to)];
        if (!from || !to) return null;
        const { path, middle } = curve(from, to);
        const people = way.seen?.people ?? 0;
        return (
          <g key={`${way.from} ${way.to}`} class={people === 0 ? 'way unused' : 'way'}>
            <path d={path} stroke-width={1.5 + (4 * people) / most} marker-end="url(#tip)" />
            <text x={middle.x} y={middle.y} text-anchor="middle">
              {way.seen
                ? `${people}× in ${duration(way.seen.usualS)}`
                : `${duration(way.allowed!.minS)}–${duration(way.allowed!.maxS)}`}
            </text>
          </g>
        );
      })}
      {cameras.map(({ id }, index) => {
        const { x, y } = places.get(id)!;
        return (
          <g key={id} class="place">
            <circle cx={x} cy={y} r={radius} fill={cameraColour(index)} />
            <text x={x} y={y + 6} text-anchor="middle">
              {id.length > 10 ? `${id.slice(0, 9)}…` : id}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

/** Two beside each other, more on an ellipse. */
function placeOf(index: number, count: number, height: number): Point {
  if (count === 1) return { x: width / 2, y: height / 2 };
  const angle = Math.PI + (2 * Math.PI * index) / count;
  return {
    x: width / 2 + Math.cos(angle) * (width / 2 - 130),
    y: height / 2 + Math.sin(angle) * (height / 2 - 66),
  };
}

/** Bent to the left, so that both directions can be seen; ends at the edge of the circles. */
function curve(from: Point, to: Point): { path: string; middle: Point } {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const bend = Math.min(110, length * 0.3);
  const control = {
    x: (from.x + to.x) / 2 + (dy / length) * bend,
    y: (from.y + to.y) / 2 - (dx / length) * bend,
  };
  const start = towards(from, control, radius + 3);
  const end = towards(to, control, radius + 6);
  // Beside the curve's highest point, on its outer side.
  const middle = {
    x: (from.x + to.x) / 2 + (dy / length) * (bend / 2 + 20),
    y: (from.y + to.y) / 2 - (dx / length) * (bend / 2 + 20) + 5,
  };
  return { path: `M${start.x} ${start.y}Q${control.x} ${control.y} ${end.x} ${end.y}`, middle };
}

function towards(from: Point, to: Point, by: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  return { x: from.x + ((to.x - from.x) / length) * by, y: from.y + ((to.y - from.y) / length) * by };
}
