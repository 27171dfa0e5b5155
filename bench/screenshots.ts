// Takes the pictures of the console for the README and docs/console.md: npm run screenshots [folder of a run]
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { packageRoot } from '../config/packageRoot.ts';
import { openRun } from '../functions/console/runSource.ts';
import { serveConsole } from '../functions/console/server.ts';
import { bundleConsole } from '../image/consoleBundle.ts';
import { startBrowser } from '../test/console/browser.ts';

interface Shot {
  name: string;
  view: string;
  dark?: boolean;
  prepare?: (page: Page) => Promise<void>;
}

/** A moment at which both cameras see several people, as a part of the whole. */
const moment = 0.56;
const shots: Shot[] = [
  { name: 'console-live', view: 'live', prepare: (page) => seek(page, moment) },
  { name: 'console-live-dark', view: 'live', dark: true, prepare: (page) => seek(page, moment) },
  { name: 'console-people', view: 'people', prepare: chooseBar },
  { name: 'console-counts', view: 'counts' },
  { name: 'console-places', view: 'places', dark: true },
  { name: 'console-task', view: 'task' },
];
const mostBytes = 150_000;

async function seek(page: Page, part: number): Promise<void> {
  const slider = page.getByRole('slider');
  const [from, to] = [Number(await slider.getAttribute('min')), Number(await slider.getAttribute('max'))];
  await slider.fill((from + part * (to - from)).toFixed(1));
  await page.waitForFunction('[...document.querySelectorAll("video")].every((video) => !video.seeking)');
}

/** One that was recognised again in another camera. */
async function chooseBar(page: Page): Promise<void> {
  await page.locator('.lanes .track').nth(1).click();
  await page.getByText('Similarity', { exact: true }).waitFor();
}

/** With as many colours as its size allows: pages need few, videos many. */
async function small(picture: Buffer): Promise<Buffer> {
  for (const quality of [80, 60, 45, 30, 20, 10]) {
    const bytes = await sharp(picture).png({ palette: true, quality, dither: 0.2, effort: 10 }).toBuffer();
    if (bytes.length <= mostBytes) return bytes;
  }
  throw new Error(`a picture has more than ${mostBytes} bytes whatever its colours`);
}

const folder = resolve(process.argv[2] ?? 'out/two-cameras/latest');
const images = join(packageRoot(), 'docs', 'images');
mkdirSync(images, { recursive: true });
const assets = join(packageRoot(), 'dist', 'console');
await bundleConsole(assets);
const source = await openRun(folder);
const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const server = await serveConsole({ source, log, assets }, { port: 0, host: '127.0.0.1' });
const browser = await startBrowser();
try {
  for (const { name, view, dark, prepare } of shots) {
    const page = await browser.newPage({
      viewport: { width: 1200, height: 780 },
      colorScheme: dark ? 'dark' : 'light',
      reducedMotion: 'reduce',
      // The wait for videos is a script of its own.
      bypassCSP: true,
      locale: 'en-GB',
      timezoneId: 'UTC',
    });
    await page.goto(`${server.url}#/${view}`, { waitUntil: 'networkidle' });
    await page.getByRole('heading', { level: 1 }).waitFor();
    await prepare?.(page);
    await page.waitForTimeout(400);
    const path = join(images, `${name}.png`);
    const bytes = await small(await page.screenshot());
    writeFileSync(path, bytes);
    console.log(`${path} ${Math.round(bytes.length / 1000)} kB`);
    await page.close();
  }
} finally {
  await browser.close();
  await server.close();
  source.close();
}
