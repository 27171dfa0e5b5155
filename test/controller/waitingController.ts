// A controller's process that loads everything, and begins when a line comes on standard input: controllerProcesses.ts starts it.
import { once } from 'node:events';
import '../../controller/controller.ts';
import '../../controller/leader.ts';
import '../../controller/settings.ts';

await once(process.stdin, 'data');
await import('../../controller/main.ts');
