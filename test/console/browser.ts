// Chromium for tests of the console and for its screenshots: Debian's, driven by Playwright, never one that is downloaded.
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Path of the browser: CHROMIUM, or where Debian puts it; undefined when there is none. */
export function chromiumPath(): string | undefined {
  return [process.env['CHROMIUM'], ...places].find((path) => path !== undefined && existsSync(path));
}

/** @throws Error that says how to install one */
export async function startBrowser(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined)
    throw new Error('no Chromium: apt-get install -y --no-install-recommends chromium, or set CHROMIUM');
  return chromium.launch({
    executablePath,
    // In a container there is no other sandbox to be had; pages of this project alone are opened.
    args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb', '--disable-background-networking'],
    timeout: 60_000,
  });
}
