// `npx tsx test/faults/writeTable.ts`: puts the table of faults into docs/reliability.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { withTable } from './catalogue.ts';

const page = 'docs/reliability.md';
writeFileSync(page, withTable(readFileSync(page, 'utf8')));
