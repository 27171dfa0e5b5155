// `npm run test:programs`: builds what the tests on a cluster need, so that its progress is seen and no test waits for it.
import { programsFor } from './cluster.ts';
import { findPrograms } from './programs.ts';

const found = await findPrograms([...programsFor({ controllers: true, kwokNodes: 0 }), 'knative-admission']);
for (const path of Object.values(found)) process.stdout.write(`${path}\n`);
