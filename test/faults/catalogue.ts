// The faults that are tested with real processes, and what becomes of them: docs/reliability.md shows this table. A fault has a
// test of this name, and a test has a row.

export const faults = {
  'kill -9 of any process, at any moment':
    'Nothing is lost and nothing counts twice: tracks, looks, paths and identities of the end are those of an undisturbed run (20 seeds: one process a node and one a stage; half of them on a node whose local controller configures the workers and is killed too, and whose controller comes back with an empty memory).',
  'a stage is killed while the local controller is away, and starts without knowing its cameras':
    'It takes nothing of a camera before it knows what it is, then has recordings read again from their beginning: the results of an undisturbed run.',
  'the link to the cloud is down for a whole recording':
    'The edge works on to the end; everything arrives after, in order, with the results of an undisturbed run.',
  'the network between edge and cloud is cut for more than a minute':
    'The edge works on to the end, asking again every few seconds; everything arrives after, in order, with the results of an undisturbed run (network namespaces, nobody is told of the cut).',
  'the link freezes without a word':
    'Half-open connections are given up after `MEI_DELIVERY_TIMEOUT_MS`; then as above.',
  'the cloud answers slowly, and often not at all':
    'Repeated and smaller requests; the results of an undisturbed run.',
  'requests arrive twice and out of order':
    'Recognised by source, id and revision; the results of an undisturbed run, each change announced once.',
  "the cloud's store is gone":
    'Nothing fails. What had been delivered is gone with it; tracks in progress go on as people who were never seen before.',
  'the disk of the edge is full':
    'Events are refused, the stages wait, nothing ends. Once there is room again: the results of an undisturbed run.',
  'the match worker is killed, and another one stands by':
    'Within about six seconds the other one decides, from what the store holds: the results of an undisturbed run.',
  'the match worker stands still, another takes over, and it goes on':
    'What it still wants to write is refused, and it stands by: the results of an undisturbed run.',
  'one of several embed workers is killed':
    'Its cameras wait until it is back, and its recordings are read again; the others go on: the results of a single embed worker.',
  'kill -9 of a local controller, and of the controller, between 202 and delivery':
    'Every event that was answered with 202 arrives, those of a camera in order; a second arrival is recognised by source and id.',
  'the disk of a local controller is full':
    'It answers 503 with the reason, goes on serving what it knows, also after a restart, and takes events again once there is room. What it had taken arrives.',
  'strangers in the network send events':
    'Refused with 401 by every stage before anything is read: the results of an undisturbed run, and no word of theirs in the status.',
  'workers without a token send to workers that ask for one, while all of them get one':
    'As during an upgrade: recordings wait, and give the results of an undisturbed run; frames of live cameras are dropped, counted and logged.',
  'the clocks are set a day forward, then two back':
    'Nothing grows old by it, nobody is waited for without end, reports go on: the results of an undisturbed run.',
} as const;

export type Fault = keyof typeof faults;

const begin = '<!-- faults: npx tsx test/faults/writeTable.ts -->';
const end = '<!-- /faults -->';

/** The page with the table of today. @throws Error when the page has no place for it */
export function withTable(page: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the page needs ${begin} and ${end}`);
  const rows = Object.entries(faults).map(([fault, result]) => `| ${fault} | ${result} |`);
  const table = ['| fault | what becomes of it |', '|---|---|', ...rows].join('\n');
  return `${page.slice(0, from)}${begin}\n\n${table}\n\n${page.slice(to)}`;
}
