// CloudEvents over HTTP as strangers may send them: headers, JSON and CBOR with things wrong.
import { BindingError } from '../../../delivery/attributes.ts';
import { batchMessage, binaryMessage, parse, structuredMessage } from '../../../delivery/binding.ts';
import { eventTypes } from '../../../config/events.ts';
import { PermanentError } from '../../../functions/function.ts';
import { fromEnvelope, sizeOf, toEnvelope } from '../../../functions/host/codec.ts';
import { goodEvents } from '../goodEvents.ts';
import { mutateBytes, mutateValue, oddValue, type Dice } from '../mutations.ts';
import { checkRefusal, type OpenTarget } from '../target.ts';

const types = [
  'application/json',
  'application/cbor',
  'image/jpeg',
  'application/cloudevents+json; charset=utf-8',
  'application/cloudevents-batch+json',
  'text/plain',
  '',
  'a/b;;;',
  'application/cloudevents+json; charset="',
  '\x01/\x02',
];

export const open: OpenTarget = async () => ({
  run(dice) {
    const { headers, body } = request(dice);
    try {
      const envelopes = parse(headers, body, { batch: dice.onceIn(2) });
      for (const envelope of envelopes) {
        const again = binaryMessage(envelope);
        const [same] = parse(again.headers, Buffer.concat(again.parts), { batch: false });
        if (
          envelope.data.kind !== 'value' &&
          JSON.stringify(same!.attributes) !== JSON.stringify(texts(envelope.attributes))
        )
          throw new Error(`read back as ${JSON.stringify(same)} instead of ${JSON.stringify(envelope)}`);
        const event = fromEnvelope(envelope);
        if (!Number.isFinite(sizeOf(event))) throw new Error('an event without a size');
        if (Object.values(eventTypes).includes(event.type as never)) toEnvelope(event);
      }
      return 'taken';
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      if (error instanceof BindingError && ![400, 413, 415].includes(error.status)) throw error;
      checkRefusal(error.message);
      return 'refused';
    }
  },
});

/** In binary mode every attribute is a text, and the order is that of the headers. */
function texts(attributes: Record<string, unknown>): object {
  const { datacontenttype, ...rest } = attributes;
  const last = datacontenttype === undefined ? [] : [['datacontenttype', datacontenttype] as const];
  const named = [...Object.entries(rest), ...last].map(([name, value]) => [name, String(value)] as const);
  return Object.fromEntries(named);
}

function request(dice: Dice): { headers: Record<string, string>; body: Buffer } {
  const events = goodEvents();
  const event = dice.pick(events);
  const envelope = toEnvelope(event);
  const mode = dice.below(4);
  if (mode === 0) {
    const { headers, parts } = binaryMessage(envelope);
    return {
      headers: mutateHeaders(dice, headers),
      body: dice.onceIn(2) ? Buffer.concat(parts) : mutateBytes(dice, Buffer.concat(parts)),
    };
  }
  const message = mode === 1 ? batchMessage(events.map(toEnvelope)) : structuredMessage(envelope);
  const good = Buffer.concat(message.parts);
  const value = dice.onceIn(10) ? oddValue(dice) : mutateValue(dice, JSON.parse(good.toString()));
  const body = dice.onceIn(3) ? mutateBytes(dice, good) : Buffer.from(JSON.stringify(value) ?? '');
  return { headers: dice.onceIn(4) ? mutateHeaders(dice, message.headers) : message.headers, body };
}

function mutateHeaders(dice: Dice, headers: Record<string, string>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]): [string, string] => {
    if (!dice.onceIn(5)) return [name, value];
    return [
      name,
      name === 'content-type' && dice.onceIn(2)
        ? dice.pick(types)
        : mutateBytes(dice, Buffer.from(value)).toString('latin1'),
    ];
  });
  if (dice.onceIn(3))
    entries.push([
      `ce-${mutateBytes(dice, Buffer.from('extension')).toString('latin1').toLowerCase()}`,
      JSON.stringify(oddValue(dice)),
    ]);
  if (dice.onceIn(5)) entries.splice(dice.below(entries.length), 1);
  return Object.fromEntries(entries);
}
