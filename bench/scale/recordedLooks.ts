// Looks of real people for traffic.ts: vectors that an embedder gave for recorded tracklets, for as many crowds as there are cameras for.
import type { QuantizedVector } from '../../config/quantize.ts';
import type { Recording } from '../matching/recording.ts';
import { random } from '../../test/functions/match/world.ts';
import type { Looks } from '../traffic.ts';

/** Cameras that see one crowd: about as many as filmed it. */
const camerasOfCrowd = 6;

/**
 * Each crowd is the recorded one with the components of its vectors in an order of its own: within a crowd people resemble
 * each other exactly as they did, and of different crowds they are strangers.
 */
export function recordedLooks({ people, arrivals }: Recording): Looks {
  const seen = new Map<string, QuantizedVector[]>();
  for (const { data } of arrivals)
    for (const { track, prototypes } of data.tracklets) {
      const person = people!.get(`${data.camera}/${track}`)!;
      const vectors = seen.get(person) ?? [];
      vectors.push(...prototypes.map(({ vector, scale }) => ({ vector, scale })));
      seen.set(person, vectors);
    }
  const crowd = [...seen.values()].filter((vectors) => vectors.length > 0);
  const { dimensions, model } = arrivals[0]!.data;
  const orders = new Map<number, Uint16Array>();
  const orderOf = (number: number) => {
    const order = orders.get(number) ?? shuffled(dimensions, number);
    orders.set(number, order);
    return order;
  };
  return {
    dimensions,
    model,
    passerBy: (camera, next) =>
      Math.floor(camera / camerasOfCrowd) * crowd.length + Math.floor(next() * crowd.length),
    of(person, next) {
      const vectors = crowd[person % crowd.length]!;
      const { vector, scale } = vectors[Math.floor(next() * vectors.length)]!;
      const order = orderOf(Math.floor(person / crowd.length));
      return { vector: Int8Array.from(order, (at) => vector[at]!), scale };
    },
  };
}

function shuffled(count: number, seed: number): Uint16Array {
  const next = random(seed + 1);
  const order = Uint16Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
