// Loaded into the processes of a test: their clock shows what the file in CLOCK_FILE adds to it.
import { readFileSync } from 'node:fs';
import { env } from 'node:process';
import { setInterval } from 'node:timers';

const now = Date.now;
let offsetMs = 0;
setInterval(() => {
  try {
    offsetMs = Number(readFileSync(env.CLOCK_FILE, 'utf8')) || 0;
  } catch {
    // Not set yet.
  }
}, 20).unref();
Date.now = () => now() + offsetMs;
