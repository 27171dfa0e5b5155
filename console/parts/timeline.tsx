// Rows of people on an axis of time, each bar a track in a camera. Arrow keys walk over all of it. people.tsx shows it.
import { useMemo, useRef } from 'preact/hooks';
import type { IdentityChange } from '../../config/events.ts';
import type { IdentityView, TrackView } from '../../functions/console/types.ts';
import { clock, duration, personName } from '../words.ts';
import { cameraColour } from './cameraColour.ts';
import { Badge } from './person.tsx';

/** What somebody asks about. */
export type Selected =
  | { kind: 'track'; person: string; track: TrackView }
  | { kind: 'gap'; person: string; before: TrackView; after: TrackView }
  | { kind: 'change'; person: string; change: IdentityChange }
  | undefined;

interface TimelineProps {
  people: readonly IdentityView[];
  cameras: readonly string[];
  changes: readonly IdentityChange[];
  selected: Selected;
  onSelect: (selected: Selected) => void;
}

const laneHeight = 16;
/** Shorter gaps are no gaps: a tracker lost the person for a moment, seconds. */
const leastGapS = 0.5;

export function Timeline({ people, cameras, changes, selected, onSelect }: TimelineProps) {
  const grid = useRef<HTMLDivElement>(null);
  const from = Math.min(...people.map(({ firstSeen }) => firstSeen));
  const to = Math.max(...people.map(({ lastSeen }) => lastSeen), from + 1);
  const ticks = useMemo(() => ticksOf(from, to), [from, to]);
  const place = (time: number) => `${((time - from) / (to - from)) * 100}%`;
  const isFirst = (row: number, item: number) => row === 0 && item === 0;
  return (
    <div
      class="timeline card"
      ref={grid}
      role="group"
      aria-label="Timeline; arrow keys move from bar to bar"
      onKeyDown={(event) => walk(event, grid.current!)}
    >
      <div class="axis" aria-hidden="true">
        {ticks.map((tick) => (
          <span key={tick} style={{ left: place(tick) }}>
            {clock(tick)}
          </span>
        ))}
      </div>
      <ol>
        {people.map((person, row) => (
          <li key={person.identity} data-row>
            <h2>
              <Badge person={person} /> {personName(person)}
            </h2>
            <div class="lanes" style={{ height: `${lanesOf(person).length * laneHeight + 18}px` }}>
              {ticks.map((tick) => (
                <i key={tick} class="tick" style={{ left: place(tick) }} />
              ))}
              {itemsOf(person, changes).map((item, index) => (
                <Item
                  key={keyOf(item)}
                  item={item}
                  person={person}
                  lane={laneOf(item, person)}
                  colour={
                    item.kind === 'track' ? cameraColour(cameras.indexOf(item.track.camera)) : undefined
                  }
                  left={place(startOf(item))}
                  width={
                    item.kind === 'change'
                      ? undefined
                      : `${((endOf(item) - startOf(item)) / (to - from)) * 100}%`
                  }
                  isSelected={selected !== undefined && keyOf(selected) === keyOf(item)}
                  isStop={selected ? keyOf(selected) === keyOf(item) : isFirst(row, index)}
                  onSelect={onSelect}
                />
              ))}
            </div>
          </li>
        ))}
      </ol>
    </div>
  );
}

interface ItemProps {
  item: Selected;
  person: IdentityView;
  lane: number;
  colour: string | undefined;
  left: string;
  width: string | undefined;
  isSelected: boolean;
  isStop: boolean;
  onSelect: (selected: Selected) => void;
}

function Item({ item, person, lane, colour, left, width, isSelected, isStop, onSelect }: ItemProps) {
  return (
    <button
      type="button"
      class={item!.kind}
      style={{
        left,
        top: `${lane * laneHeight + 10}px`,
        ...(width !== undefined && { width }),
        ...(colour !== undefined && { backgroundColor: colour }),
      }}
      aria-pressed={isSelected}
      aria-label={labelOf(item, person)}
      title={labelOf(item, person)}
      tabIndex={isStop ? 0 : -1}
      onClick={() => onSelect(item)}
    />
  );
}

function itemsOf(person: IdentityView, changes: readonly IdentityChange[]): NonNullable<Selected>[] {
  const { identity, tracks } = person;
  const items: NonNullable<Selected>[] = [];
  let last: TrackView | undefined;
  for (const track of tracks) {
    if (last && track.from - last.to > leastGapS)
      items.push({ kind: 'gap', person: identity, before: last, after: track });
    items.push({ kind: 'track', person: identity, track });
    if (!last || track.to > last.to) last = track;
  }
  for (const change of changes) {
    const isAbout = change.identity === identity || (change.kind === 'split' && change.to === identity);
    if (isAbout && (change.kind === 'merged' || change.kind === 'split'))
      items.push({ kind: 'change', person: identity, change });
  }
  return items;
}

/** The cameras that saw the person, each with a lane of its own: views may overlap. */
function lanesOf({ tracks }: IdentityView): string[] {
  return [...new Set(tracks.map(({ camera }) => camera))];
}

function laneOf(item: Selected, person: IdentityView): number {
  const lanes = lanesOf(person);
  if (item!.kind === 'track') return lanes.indexOf(item!.track.camera);
  if (item!.kind === 'gap')
    return (lanes.indexOf(item!.before.camera) + lanes.indexOf(item!.after.camera)) / 2;
  return (lanes.length - 1) / 2;
}

function startOf(item: Selected): number {
  if (item!.kind === 'track') return item!.track.from;
  return item!.kind === 'gap' ? item!.before.to : item!.change.time;
}

function endOf(item: Selected): number {
  if (item!.kind === 'track') return item!.track.to;
  return item!.kind === 'gap' ? item!.after.from : item!.change.time;
}

function keyOf(item: Selected): string {
  const { kind, person } = item!;
  if (item!.kind === 'change') return `${kind} ${person} ${item!.change.time} ${item!.change.kind}`;
  const track = item!.kind === 'track' ? item!.track : item!.after;
  return `${kind} ${person} ${track.camera} ${track.track}`;
}

function labelOf(item: Selected, person: IdentityView): string {
  const name = personName(person);
  if (item!.kind === 'track') {
    const { camera, from, to } = item!.track;
    return `${name} in ${camera}, ${clock(from)} to ${clock(to)}, ${duration(to - from)}`;
  }
  if (item!.kind === 'gap') return `${name} not seen for ${duration(endOf(item) - startOf(item))}`;
  return `${name}: ${item!.change.kind} at ${clock(item!.change.time)}`;
}

/** Whole steps of time, at most eight of them. */
function ticksOf(from: number, to: number): number[] {
  const steps = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 604_800,
  ];
  const step = steps.find((each) => (to - from) / each <= 8) ?? steps.at(-1)!;
  const ticks: number[] = [];
  for (let tick = Math.ceil(from / step) * step; tick <= to; tick += step) ticks.push(tick);
  return ticks;
}

/** Left and right within a person, up and down between them. */
function walk(event: KeyboardEvent, grid: HTMLElement): void {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key];
  const own = (event.target as HTMLElement).closest('[data-row]');
  if (step === undefined || !own) return;
  const rows = [...grid.querySelectorAll('[data-row]')];
  const buttons = (row: Element | undefined) => [...(row?.querySelectorAll('button') ?? [])];
  const isVertical = event.key === 'ArrowUp' || event.key === 'ArrowDown';
  const target = isVertical
    ? buttons(rows[rows.indexOf(own) + step])[0]
    : buttons(own)[buttons(own).indexOf(event.target as HTMLButtonElement) + step];
  if (!target) return;
  event.preventDefault();
  target.focus();
}
