// `npm run test:programs`: builds what the tests on a cluster need, so that its progress is seen and no test waits for it.
import { programsFor } from './cluster.ts';
import { findPrograms, missingPrograms } from './programs.ts';
import { nodePrograms, whyMachineCannot, whyNotAsked } from './realNodes/requirements.ts';

/** All checks and tests of a clean clone have half an hour: a slower machine leaves out what only real nodes need. */
const latestMs = 12 * 60_000;

const found = await findPrograms([
  ...programsFor({ controllers: true, kwokNodes: 0 }),
  'knative-admission',
  'nats-server',
]);
const reason = whyNoNodes();
if (reason === undefined) Object.assign(found, await findPrograms(nodePrograms));
else process.stderr.write(`LEFT OUT ${nodePrograms.join(', ')}: ${reason}\n`);
for (const path of Object.values(found)) process.stdout.write(`${path}\n`);

function whyNoNodes(): string | undefined {
  const isLate = process.env['CI'] === 'true' && process.uptime() * 1000 > latestMs;
  const late = isLate && missingPrograms(nodePrograms).length > 0 ? 'the others took too long' : undefined;
  return whyNotAsked() ?? whyMachineCannot() ?? late;
}
