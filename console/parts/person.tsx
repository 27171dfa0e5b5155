// How one person looks everywhere: a colour, a number, a name, a link to where they were. Views use it.
import type { IdentityView } from '../../functions/console/types.ts';
import { linkTo } from '../route.ts';
import { personName } from '../words.ts';

/** Neighbouring numbers get colours that are far apart: steps of the golden angle. */
export function hueOf(number: number): number {
  return Math.round((number * 137.508 + 200) % 360);
}

/** For drawings on pictures and for bars: white text on it can be read. */
export function colourOf(number: number): string {
  return `hsl(${hueOf(number)} 60% 31%)`;
}

/** For lines on pictures, whatever is behind them. */
export function brightColourOf(number: number): string {
  return `hsl(${hueOf(number)} 90% 62%)`;
}

export function Badge({ person }: { person: IdentityView }) {
  return (
    <span class="badge" style={{ backgroundColor: colourOf(person.number) }} aria-hidden="true">
      {person.number}
    </span>
  );
}

export function PersonLink({ person, id }: { person: IdentityView | undefined; id: string }) {
  if (!person) return <span title={id}>somebody</span>;
  return (
    <a class="person" href={linkTo('people', person.identity)}>
      <Badge person={person} />
      {personName(person)}
    </a>
  );
}
