// Shows how a run is going: a bar per camera on a terminal, one line every few seconds elsewhere, JSON lines on request.
import { MultiBar, type SingleBar } from 'cli-progress';
import type { Status } from '../config/schema/status.ts';

export interface Progress {
  show(status: Status): void;
  /** A line between the bars: a camera that failed, a worker that was started again. */
  say(line: string): void;
  stop(): void;
}

export type ProgressStyle = 'bars' | 'lines' | 'json';

const lineIntervalMs = 5_000;

export function createProgress(style: ProgressStyle, cameras: string[]): Progress {
  if (style === 'bars') return barProgress(cameras);
  return lineProgress(style === 'json');
}

type CameraStatus = NonNullable<Status['cameras']>[number];

function words(camera: CameraStatus, status: Status): string {
  if (camera.state === 'failed') return `failed: ${camera.message ?? 'no reason given'}`;
  const parts = [`${(camera.fps ?? 0).toFixed(1)} frames/s`, `${camera.people ?? 0} people`];
  if (camera.dropped) parts.push(`${camera.dropped} dropped`);
  if (camera.state !== 'connected')
    parts.push(camera.message ? `${camera.state}: ${camera.message}` : camera.state);
  return `${parts.join(', ')} | ${status.identities ?? 0} identities`;
}

function barProgress(cameras: string[]): Progress {
  const width = Math.max(...cameras.map((camera) => camera.length));
  const bars = new MultiBar({
    format: '{camera} [{bar}] {done} {words}',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: false,
    emptyOnZero: true,
    // The runner has its own handling of Ctrl-C.
    gracefulExit: false,
  });
  const byCamera = new Map<string, SingleBar>();
  for (const camera of cameras) {
    byCamera.set(
      camera,
      bars.create(1000, 0, { camera: camera.padEnd(width), done: '    ', words: 'starting' }),
    );
  }
  return {
    show(status) {
      for (const camera of status.cameras ?? []) {
        const live = camera.progress === undefined;
        byCamera.get(camera.id)?.update(Math.round((camera.progress ?? 0) * 1000), {
          done: live ? 'live' : `${Math.round((camera.progress ?? 0) * 100)} %`.padStart(4),
          words: words(camera, status),
        });
      }
    },
    say: (line) => bars.log(`${line}\n`),
    stop() {
      bars.update();
      bars.stop();
    },
  };
}

function lineProgress(json: boolean): Progress {
  let lastMs = -Infinity;
  return {
    show(status) {
      const nowMs = performance.now();
      if (nowMs - lastMs < lineIntervalMs) return;
      lastMs = nowMs;
      if (json) {
        console.log(JSON.stringify({ type: 'status', status }));
        return;
      }
      for (const camera of status.cameras ?? []) {
        const done = camera.progress === undefined ? '' : ` ${Math.round(camera.progress * 100)} %`;
        console.log(`${camera.id}${done}: ${words(camera, status)}`);
      }
    },
    say: (line) => console.log(json ? JSON.stringify({ type: 'message', message: line }) : line),
    stop: () => undefined,
  };
}
