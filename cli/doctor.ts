// `mei doctor`: looks at a machine or a cluster and says of each thing whether it is right, and how to mend it.
import { Command, InvalidArgumentError } from 'commander';
import type { Check, Finding } from './doctor/check.ts';
import { clusterChecks } from './doctor/cluster.ts';
import { edgeChecks } from './doctor/edge.ts';
import { machineChecks } from './doctor/machine.ts';
import { exitCodes, UserError } from './userError.ts';

interface DoctorOptions {
  cluster: boolean;
  edge: boolean;
  namespace: string;
  port: number;
  json: boolean;
}

const signs = { ok: 'ok  ', warn: 'warn', fail: 'FAIL', skip: '-   ' };

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Check this machine, an edge node, or a cluster, and say how to mend what is wrong')
    .option('--cluster', 'check the cluster that kubectl would use', false)
    .option('--edge', 'check this machine as an edge node with a local controller', false)
    .option('-n, --namespace <name>', 'namespace of the controller', 'multi-edge-inference')
    .option('--port <number>', 'port of the local controller', port, 9100)
    .option('--json', 'print a JSON line for each check', false)
    .addHelpText(
      'after',
      `
Nothing is changed. Exit code 1 when something fails; warnings alone give 0.

Examples:
  $ mei doctor                                        can this machine run tasks?
  $ mei doctor --edge                                 and a local controller?
  $ mei doctor --cluster                              is everything installed, and may you use it?
  $ mei doctor --json | jq 'select(.state == "fail")'`,
    )
    .action(doctor);
}

async function doctor(options: DoctorOptions): Promise<void> {
  const checks: Check[] = options.cluster
    ? clusterChecks(options.namespace)
    : [...machineChecks(), ...(options.edge ? edgeChecks(options.port) : [])];
  let failed = 0;
  for (const { name, look } of checks) {
    const finding = await look().catch((error: Error): Finding => ({
      state: 'fail',
      found: error.message,
      mend: 'see the message; report it if it is not about this machine',
    }));
    if (finding.state === 'fail') failed++;
    show(name, finding, options.json);
  }
  if (failed > 0) throw new UserError(`${failed} of ${checks.length} checks failed`, exitCodes.failed);
}

function show(name: string, finding: Finding, json: boolean): void {
  const { state, found, mend } = finding;
  if (json) return console.log(JSON.stringify({ check: name, ...finding }));
  console.log(`${signs[state]}  ${name}: ${found}`);
  if (mend !== undefined && state !== 'ok') console.log(`      mend: ${mend}`);
}

function port(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 65_535)
    throw new InvalidArgumentError('give a port from 1 to 65535');
  return number;
}
