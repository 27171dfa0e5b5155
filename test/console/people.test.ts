// Searching by picture and erasing people in a real Chromium, on every page that serves the console: that of a folder, that of a
// run that goes on, and that of a worker that matches.
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import axe from 'axe-core';
import sharp from 'sharp';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { packageRoot } from '../../config/packageRoot.ts';
import { forgetInRun } from '../../cli/forgetRun.ts';
import { AccessFile } from '../../functions/console/access.ts';
import { matchWorkerOf, openRun } from '../../functions/console/runSource.ts';
import { serveConsole } from '../../functions/console/server.ts';
import type { IdentityView } from '../../functions/console/types.ts';
import { create as createMatch } from '../../functions/match/handler.ts';
import { readIdentities } from '../../functions/match/export.ts';
import { bundleConsole } from '../../image/consoleBundle.ts';
import { cleanUp, silent, start } from '../functions/host/support.ts';
import { chromiumPath, startBrowser } from './browser.ts';
import { copyOf, recordRun } from './recordedRun.ts';

const isHere = chromiumPath() !== undefined;
if (!isHere && process.env['CI'] !== 'true')
  process.stderr.write('SKIPPED people in a browser: no Chromium (Debian: chromium)\n');
const describeInBrowser = isHere || process.env['CI'] === 'true' ? describe : describe.skip;

const tokens = { ada: 'operator-token-0123456789', bob: 'viewer-token-0123456789ab' };
const threads = ['--import', resolve('test/support/typescriptThreads.mjs')];

describeInBrowser('people in a browser', () => {
  let root: string;
  let run: string;
  let browser: Browser;
  let context: BrowserContext | undefined;
  const ends: (() => Promise<unknown> | void)[] = [];

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'mei-people-'));
    // Where workers and `mei run` have their pages from.
    await bundleConsole(join(packageRoot(), 'dist', 'console'));
    const known = process.env['MEI_CONSOLE_RUN'];
    run = known === undefined ? await recordRun(root) : join(root, 'run');
    if (known !== undefined) cpSync(known, run, { recursive: true });
    browser = await startBrowser();
  }, 300_000);
  afterEach(async () => {
    await context?.close();
    context = undefined;
    for (const end of ends.splice(0).reverse()) await end();
    await cleanUp();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(root, { recursive: true, force: true });
  });

  async function open(url: string, token?: string): Promise<Page> {
    context ??= await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'UTC' });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(url);
    if (token === undefined) return page;
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    return page;
  }

  function tokensFile(): string {
    const path = join(mkdtempSync(join(root, 'tokens-')), 'tokens');
    writeFileSync(path, `ada operate * ${tokens.ada}\nbob view two-cameras ${tokens.bob}\n`);
    return path;
  }

  function copy(): string {
    const folder = copyOf(run);
    ends.push(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }

  /** Erases whoever has the number, as people do. */
  async function erase(page: Page, url: string, person: IdentityView): Promise<void> {
    await page.goto(`${url}#/people/${person.identity}`);
    await page.getByText(`Person ${person.number} alone.`).waitFor();
    await page.getByRole('button', { name: 'Erase this person ...' }).click();
    const dialog = page.getByRole('dialog', { name: `Erase Person ${person.number} for good?` });
    const forGood = dialog.getByRole('button', { name: 'Erase for good' });
    expect(await forGood.isDisabled()).toBe(true);
    await dialog.getByLabel(/^Type \d+/).fill(`${person.number + 1}`);
    expect(await forGood.isDisabled()).toBe(true);
    await dialog.getByLabel(/^Type \d+/).fill(`${person.number}`);
    await forGood.click();
    await page.getByRole('status').getByText(`Person ${person.number} is erased`).waitFor();
  }

  async function peopleAt(page: Page): Promise<IdentityView[]> {
    const asked = 'fetch("api/identities").then((answer) => answer.json())';
    const { identities } = await page.evaluate<{ identities: IdentityView[] }>(asked);
    return identities;
  }

  /** Cut out of the fullest picture of a camera, and whose track it is. */
  async function somebody(of: string, camera = 'right'): Promise<{ picture: Buffer; track: string }> {
    const folder = join(of, 'cameras', camera);
    const { boxes } = JSON.parse(readFileSync(join(folder, 'picture.json'), 'utf8')) as {
      boxes: { track: string; box: [number, number, number, number] }[];
    };
    const { track, box } = boxes.at(-1)!;
    const [left, top, right, bottom] = box.map((each) => Math.max(0, Math.floor(each))) as typeof box;
    const whole = sharp(readFileSync(join(folder, 'picture.jpg')));
    const cut = whole.extract({ left, top, width: right - left - 1, height: bottom - top - 1 });
    return { picture: await cut.jpeg().toBuffer(), track };
  }

  /** Drops the picture as from a file manager. @returns what the page says of the visits, the most similar first */
  async function drop(page: Page, url: string, picture: Buffer): Promise<string> {
    await page.goto(`${url}#/search`);
    const zone = page.locator('.drop');
    await zone.waitFor();
    const data = await page.evaluateHandle(
      `(() => { const data = new DataTransfer(); const bytes = Uint8Array.from(atob(${JSON.stringify(picture.toString('base64'))}), (c) => c.charCodeAt(0));
        data.items.add(new File([bytes], 'anna.jpg', { type: 'image/jpeg' })); return data; })()`,
    );
    await zone.dispatchEvent('drop', { dataTransfer: data });
    const said = page.getByRole('region', { name: 'By picture' }).getByRole('status');
    await said.getByText(/the most similar first|Nobody like that was seen/).waitFor();
    const hits = page.locator('.drop ~ .found li');
    return (await hits.count()) > 0 ? (await hits.allInnerTexts()).join('\n') : said.innerText();
  }

  test('an operator erases somebody from a folder, typing the number; another page forgets them too', async () => {
    const folder = copy();
    const source = await openRun(folder, { erase: (identity) => forgetInRun(folder, identity) });
    const access = new AccessFile(tokensFile());
    const server = await serveConsole(
      { source, log: silent, access, stream: { intervalMs: 50, heartbeatMs: 200 } },
      { port: 0, host: '127.0.0.1' },
    );
    ends.push(async () => {
      await server.close();
      source.close();
    });
    const before = readIdentities(folder);
    const gone = before.find(({ tracks }) => new Set(tracks.map(({ camera }) => camera)).size > 1)!;
    const page = await open(server.url, tokens.ada);
    await page.getByText(`${before.length} people`).first().waitFor();
    const other = await context!.newPage();
    await other.goto(`${server.url}#/people`);
    await other
      .locator('[data-row]')
      .nth(before.length - 1)
      .waitFor();

    const person = (await peopleAt(page)).find(({ identity }) => identity === gone.identity)!;
    const path = `api/identities/${person.identity}?number=${person.number + 1}`;
    const wrong = `fetch("${path}", { method: "DELETE" }).then(async (answer) => [answer.status, (await answer.json()).detail])`;
    expect(await page.evaluate(wrong)).toEqual([
      409,
      `to erase this person, give the number that they have now, which is ${person.number}`,
    ]);
    await page.goto(`${server.url}#/people/${person.identity}`);
    await page.getByRole('button', { name: 'Erase this person ...' }).click();
    await page.evaluate(`${axe.source}; 0`);
    const { violations } = await page.evaluate<{
      violations: { id: string; nodes: { html: string }[] }[];
    }>('axe.run(document, { resultTypes: ["violations"] })');
    expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
    await page.keyboard.press('Escape');
    await erase(page, server.url, person);

    expect(readIdentities(folder).map(({ identity }) => identity)).toEqual(
      before.map(({ identity }) => identity).filter((identity) => identity !== gone.identity),
    );
    // The page that only watched was told, and lets nothing of them stay.
    await other
      .locator('[data-row]')
      .nth(before.length - 1)
      .waitFor({ state: 'detached' });
    expect((await peopleAt(other)).some(({ identity }) => identity === gone.identity)).toBe(false);
    // Nor do the files of the run.
    for (const file of ['identities.jsonl', 'identity-changes.jsonl', 'identities.db'])
      expect(readFileSync(join(folder, file)).includes(gone.identity)).toBe(false);
  }, 120_000);

  test('whoever may only look finds nothing to erase with, and is refused', async () => {
    const folder = copy();
    let asked = 0;
    const source = await openRun(folder, {
      erase: async () => {
        asked += 1;
        throw new Error('nobody may come here');
      },
    });
    const access = new AccessFile(tokensFile());
    const server = await serveConsole({ source, log: silent, access }, { port: 0, host: '127.0.0.1' });
    ends.push(async () => {
      await server.close();
      source.close();
    });
    const page = await open(server.url, tokens.bob);
    await page.getByRole('heading', { level: 1, name: 'Live' }).waitFor();
    const [person] = await peopleAt(page);
    await page.goto(`${server.url}#/people/${person!.identity}`);
    await page.getByText('Person 1 alone.').waitFor();
    expect(await page.getByRole('button', { name: /Erase/ }).count()).toBe(0);
    const path = `api/identities/${person!.identity}?number=1`;
    expect(await page.evaluate(`fetch("${path}", { method: "DELETE" }).then(({ status }) => status)`)).toBe(
      403,
    );
    expect(asked).toBe(0);
    expect(readIdentities(folder)).toEqual(readIdentities(run));
  }, 120_000);

  test('a worker that matches searches by picture and erases, with its own store and model', async () => {
    const folder = copy();
    const config = await matchWorkerOf(folder);
    const match = await createMatch({ ...config, storeFolder: folder }, silent, { threadArgv: threads });
    const { url } = await start(
      { match },
      {
        config: { ...config, stages: ['match'], storeFolder: folder, sinks: {} },
        queryTokensFile: tokensFile(),
      },
    );
    const page = await open(`${url}console/`, tokens.ada);
    await page.getByRole('heading', { level: 1, name: 'Live' }).waitFor();
    const { picture, track } = await somebody(folder);
    const owner = (await peopleAt(page)).find(({ tracks }) =>
      tracks.some((each) => each.camera === 'right' && each.track === track),
    )!;
    const first = await drop(page, `${url}console/`, picture);
    expect(first).toMatch(new RegExp(`^${owner.number}\\nPerson ${owner.number} `));
    const { from } = owner.tracks.find((each) => each.track === track)!;
    const visit = `right ${new Date(from * 1000).toISOString().slice(11, 19)}`;
    expect(first).toContain(visit);

    await erase(page, `${url}console/`, owner);
    expect((await peopleAt(page)).some(({ identity }) => identity === owner.identity)).toBe(false);
    expect(await drop(page, `${url}console/`, picture)).not.toContain(visit);
  }, 180_000);

  test('the page of a run that goes on does both, and the files of the run say nothing of the erased at its end', async () => {
    const task = join(root, 'going-on.yaml');
    const cameras = ['left', 'right'].map(
      (id) =>
        `    - {id: ${id}, fps: 3, source: {uri: ${resolve('samples', `${id}.mp4`)}, startTime: "2026-01-01T12:00:00Z"}}`,
    );
    // The third one never ends, and neither does the run.
    cameras.push('    - {id: gate, source: {type: Push, push: {}}}');
    writeFileSync(
      task,
      `apiVersion: sedna.io/v1alpha1\nkind: MultiEdgeInference\nmetadata: {name: going-on}\nspec:\n  packing: PerNode\n  cameras:\n${cameras.join('\n')}\n`,
    );
    const out = join(root, 'going-on');
    const args = [
      '--import',
      'tsx',
      '--import',
      threads[1]!,
      'cli/mei.ts',
      'run',
      task,
      '--out',
      out,
      '--no-video',
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise<number | null>((resolveCode) => child.once('exit', resolveCode));
    ends.push(() => {
      child.kill('SIGKILL');
      return ended;
    });
    const url = await new Promise<string>((found, failed) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const address = /Watch it in the browser: (\S+)/.exec(line)?.[1];
        if (address !== undefined) found(address);
      });
      void ended.then((code) => failed(new Error(`the run ended: ${code}`)));
    });
    const page = await open(url);
    await page.getByRole('heading', { level: 1, name: 'Live' }).waitFor();
    await page.getByRole('link', { name: 'Task' }).click();
    for (const camera of ['left', 'right'])
      await page
        .getByRole('region', { name: 'Cameras, table' })
        .getByRole('row', { name: new RegExp(`^${camera} .* done`) })
        .waitFor({ timeout: 120_000 });
    const { picture, track } = await somebody(out);
    const owner = (await peopleAt(page)).find(({ tracks }) =>
      tracks.some((each) => each.camera === 'right' && each.track === track),
    )!;
    expect(await drop(page, url, picture)).toMatch(new RegExp(`^${owner.number}\\nPerson ${owner.number} `));
    await erase(page, url, owner);

    child.kill('SIGINT');
    expect(await ended).toBe(0);
    const holding = readdirSync(out, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => readFileSync(path).includes(owner.identity));
    expect(holding).toEqual([]);
    for (const { camera, track: name } of owner.tracks) {
      const boxes = readFileSync(join(out, 'cameras', camera, 'tracks.csv'), 'utf8').split('\n');
      expect(boxes.filter((line) => line.split(',')[2] === name)).toEqual([]);
      expect(boxes.length).toBeGreaterThan(100);
    }
  }, 240_000);
});
