// The process of a worker: containers and the local runner start it. It loads all else only once it hears signals.
import { pathToFileURL } from 'node:url';

/**
 * As the first process of a container this one would ignore SIGTERM until somebody listens, and a pod that is deleted
 * while its worker loads would stay until the kubelet kills it.
 */
async function main(): Promise<void> {
  const endAtOnce = () => process.exit(0);
  process.on('SIGTERM', endAtOnce);
  const { runWorkerProcess } = await import('./workerProcess.ts');
  const running = runWorkerProcess();
  process.off('SIGTERM', endAtOnce);
  await running;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  main().catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${message}\n`);
    if (!process.send) process.exit(1);
    process.send({ type: 'failed', message }, undefined, undefined, () => process.exit(1));
  });
