// A controller that is killed between any two of its writes and started anew: nobody can tell from what is there afterwards.
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { onCluster } from '../support/cluster/onCluster.ts';
import { Relay } from '../support/cluster/relay.ts';
import {
  ControllerProcesses,
  type ControllerProcess,
  type WaitingController,
} from './controllerProcesses.ts';
import { createTask, eventually, install, readTask } from './liveController.ts';
import { leftovers, worldOf, type World } from './world.ts';

jest.setTimeout(240_000);

const nodes = ['edge-1', 'edge-2'];
const cameras = (names: string[]) =>
  `cameras: [${names.map((node) => `{id: on-${node}, node: ${node}, source: {uri: "rtsp://192.0.2.1/a"}}`).join(', ')}]`;
const onOne = `{packing: PerNode, ${cameras(['edge-1'])}}`;
/** A controller that begins cannot look whether the tokens of other tasks are there: it offers them, and is refused. */
const isOffer = (write: string, name: string) =>
  write.includes('/secrets/') && !write.includes(`-${name}-task-`);
const onTwo = `{packing: PerNode, matching: {threshold: 0.6}, ${cameras(nodes)}}`;

onCluster(
  'a controller that is killed',
  { controllers: true, kwokNodes: nodes.map((name) => ({ name })) },
  (cluster) => {
    let relay: Relay;
    let processes: ControllerProcesses;
    let working: ControllerProcess;
    let prepared: WaitingController[];
    /** Of all processes; a kill is the end of one. */
    let isDead = false;

    beforeAll(async () => {
      const token = await install(cluster());
      relay = await Relay.start(cluster());
      processes = new ControllerProcesses({ ...cluster(), url: relay.url }, token);
      working = processes.start('phoenix');
      prepared = [processes.prepare('phoenix'), processes.prepare('phoenix')];
      await working.leading;
    }, 120_000);
    afterEach(async () => {
      relay.hooks = {};
      if (isDead) await startAnew();
    });
    afterAll(async () => {
      processes?.end();
      await relay?.close();
    });

    function kill(): void {
      isDead = true;
      working.child.kill('SIGKILL');
    }

    /** From now on: lets so many writes be done, and kills before the controller hears of the last. */
    function killAfterWrites(count: number): void {
      let done = 0;
      isDead = false;
      relay.hooks = {
        beforeWrite: () => !isDead,
        afterWrite: () => {
          if (++done >= count) kill();
          return !isDead;
        },
      };
    }

    /** As a container that ended is started again in its pod, under the same name. */
    async function startAnew(): Promise<void> {
      await working.ended;
      relay.hooks = {};
      isDead = false;
      working = prepared.shift()!.begin();
      prepared.push(processes.prepare('phoenix'));
      await working.leading;
    }

    const settled = async (name: string) => {
      await eventually(
        () => readTask(cluster(), name),
        ({ status, metadata }) =>
          status?.phase === 'Running' && status.observedGeneration === metadata.generation,
      );
      await calm();
      return (await worldOf(cluster(), name))!;
    };

    let writesBefore = -1;
    /** Whether the controller has nothing more to do, and did nothing since it was asked last. */
    async function isIdle(): Promise<boolean> {
      const before = writesBefore;
      writesBefore = relay.writes().length;
      const text = await fetch(`${await working.address}/metrics`).then(
        (answer) => answer.text(),
        () => 'it has just been killed',
      );
      return before === writesBefore && /^mei_controller_tasks_waiting 0$/m.test(text);
    }

    async function calm(): Promise<void> {
      await eventually(isIdle, Boolean);
    }

    /** Resolves when the world is as wanted and nothing more follows, or the controller was killed before; tells which. */
    async function reached(name: string, wanted: World): Promise<'killed' | 'done'> {
      await eventually(
        async () => isDead || (isSame(await worldOf(cluster(), name), wanted) && (await isIdle())),
        Boolean,
      );
      return isDead ? 'killed' : 'done';
    }

    async function expectWorld(name: string, wanted: World): Promise<void> {
      await eventually(
        () => worldOf(cluster(), name),
        (world) => isSame(world, wanted),
      ).catch(() => undefined);
      await calm();
      const { events, ...world } = (await worldOf(cluster(), name))!;
      const { events: wantedEvents, ...rest } = wanted;
      expect(world).toEqual(rest);
      // An event may be lost with the process that would have posted it; none tells of what did not happen.
      expect(wantedEvents).toEqual(expect.arrayContaining(events));
    }

    test('at each write of a creation', async () => {
      await createTask(cluster(), 'made-00', onOne);
      const wanted = await settled('made-00');
      const all = relay.writes().length;
      // The key from which tokens derive is made once for all tasks.
      const isOfTask = (write: string) => write.startsWith('POST ') && write.includes('/namespaces/default/');
      const objects = relay.writes().filter((write) => isOfTask(write) && !write.includes('/events/')).length;
      expect(objects).toBeGreaterThanOrEqual(10);
      let kills = 0;
      for (let step = 1; step <= all; step++) {
        const name = `made-${String(step).padStart(2, '0')}`;
        relay.hooks = {};
        killAfterWrites(step);
        await createTask(cluster(), name, onOne);
        if ((await reached(name, wanted)) === 'killed') {
          kills++;
          const before = relay.writes().length;
          await startAnew();
          await expectWorld(name, wanted);
          const { events } = (await worldOf(cluster(), name))!;
          expect(new Set(events).size).toBe(events.length);
          // Its other tasks are as they should be: a restart is no reason to write.
          const writes = relay.writes().slice(before);
          const isOwn = (write: string) => write.includes(name) || write.includes('/events/');
          expect(writes.filter((write) => !isOwn(write) && !isOffer(write, name))).toEqual([]);
        }
      }
      // How many writes the status takes depends on how fast pods start; all objects come before.
      expect(kills).toBeGreaterThanOrEqual(objects);
      process.stderr.write(`killed at ${kills} of ${all} writes of a creation\n`);
    });

    test('at each write of an edit that changes some workers and ends others', async () => {
      const name = 'edited';
      const became = async (spec: string) => {
        await createTask(cluster(), name, spec);
        return settled(name);
      };
      await became(onTwo);
      await became(onOne);
      const two = await became(onTwo);
      const before = relay.writes().length;
      const one = await became(onOne);
      const all = relay.writes().length - before;
      expect(
        relay
          .writes()
          .slice(before)
          .filter((write) => write.startsWith('DELETE ')).length,
      ).toBeGreaterThanOrEqual(3);
      let kills = 0;
      for (let step = 1; step <= all; step++) {
        const start = await became(onTwo);
        expect(isSame(start, { ...two, generations: start.generations })).toBe(true);
        const wanted = { ...one, events: start.events, generations: raised(start.generations, two, one) };
        killAfterWrites(step);
        await createTask(cluster(), name, onOne);
        if ((await reached(name, wanted)) === 'killed') {
          kills++;
          await startAnew();
          await expectWorld(name, wanted);
        }
        relay.hooks = {};
      }
      expect(kills).toBeGreaterThanOrEqual(all - 2);
      process.stderr.write(`killed at ${kills} of ${all} writes of an edit\n`);
    });

    test.each<[string, number]>([
      ['background', 1],
      ['background', 6],
      ['foreground', 1],
      ['foreground', 3],
      ['foreground', 9],
    ])('at a deletion in the %s, after %d pieces of news', async (cascade, news) => {
      const name = `gone-${cascade}-${news}`;
      await createTask(cluster(), name, onOne);
      await settled(name);
      const before = relay.writes().length;
      let seen = 0;
      relay.hooks = {
        beforeWrite: () => !isDead,
        beforePiece: () => {
          if (++seen >= news) kill();
          return !isDead;
        },
      };
      await cluster().kubectl(['delete', 'mei', name, `--cascade=${cascade}`, '--wait=false']);
      await eventually(async () => isDead, Boolean);
      await startAnew();
      await eventually(
        () => leftovers(cluster(), name),
        (left) => left.length === 0,
      );
      await calm();
      expect(await leftovers(cluster(), name)).toEqual([]);
      // Nothing of it was made again.
      const writes = relay.writes().slice(before);
      const isNothing = (write: string) => /\/status|\/events\//.test(write) || isOffer(write, name);
      expect(writes.filter((write) => !isNothing(write))).toEqual([]);
    });
  },
);

/** As many changes as an edit from one world to the other takes when nothing disturbs it. */
function raised(start: World['generations'], from: World, to: World): World['generations'] {
  return Object.fromEntries(
    Object.entries(to.generations).map(([key, count]) => [
      key,
      start[key] === undefined ? count : start[key] + count - (from.generations[key] ?? 0),
    ]),
  );
}

/** Events apart: some of them may be lost. */
function isSame(world: World | undefined, wanted: World): boolean {
  return JSON.stringify({ ...world, events: [] }) === JSON.stringify({ ...wanted, events: [] });
}
