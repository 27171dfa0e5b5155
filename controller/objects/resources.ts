// Processor and memory of a worker: serverless.yml's amounts, replaced where the task says, summed over its stages.
import type { V1ResourceRequirements } from '@kubernetes/client-node';
import type { FunctionList } from '../../config/functions.ts';
import { quantityBytes, quantityCores } from '../../config/quantities.ts';
import type { Task } from '../../config/schema/resource.ts';
import type { DesiredWorker } from '../desired.ts';

export function resourcesOf(
  task: Task,
  { config }: DesiredWorker,
  { functions }: FunctionList,
): V1ResourceRequirements {
  const amounts = config.stages.map((name) => {
    const usual = functions[name].resources;
    const asked = task.spec.stages[name].resources;
    const limits = { ...usual.limits, ...asked?.limits };
    return { limits, requests: atMost({ ...usual.requests, ...asked?.requests }, limits) };
  });
  return {
    requests: sum(amounts.map(({ requests }) => requests)),
    limits: sum(amounts.map(({ limits }) => limits)),
  };
}

type Amounts = { cpu: string | number; memory: string | number };

/** The API server refuses a request above its limit: a task that only lowers the limit lowers the request too. */
function atMost(requests: Amounts, limits: Amounts): Amounts {
  return {
    cpu: quantityCores(requests.cpu) > quantityCores(limits.cpu) ? limits.cpu : requests.cpu,
    memory: quantityBytes(requests.memory) > quantityBytes(limits.memory) ? limits.memory : requests.memory,
  };
}

/** Written as the API server writes them back, so that a comparison finds nothing to do. */
function sum(amounts: Amounts[]): { cpu: string; memory: string } {
  const milliCores = amounts.reduce((total, { cpu }) => total + Math.ceil(quantityCores(cpu) * 1000), 0);
  const bytes = amounts.reduce((total, { memory }) => total + quantityBytes(memory), 0);
  return {
    cpu: milliCores % 1000 === 0 ? String(milliCores / 1000) : `${milliCores}m`,
    memory: binary(bytes),
  };
}

function binary(bytes: number): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti'];
  let power = 0;
  let value = bytes;
  while (power + 1 < units.length && value >= 1024 && value % 1024 === 0) {
    value /= 1024;
    power++;
  }
  return `${value}${units[power]}`;
}
