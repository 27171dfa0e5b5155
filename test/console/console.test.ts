// The console as people use it: a real Chromium on the real server, over a run that really took place.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import axe from 'axe-core';
import Database from 'libsql';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { AccessFile } from '../../functions/console/access.ts';
import { openRun } from '../../functions/console/runSource.ts';
import { serveConsole, type ConsoleServer } from '../../functions/console/server.ts';
import type { ConsoleSource } from '../../functions/console/source.ts';
import type { Log } from '../../functions/function.ts';
import { readContacts, readIdentities } from '../../functions/match/export.ts';
import { bundleConsole } from '../../image/consoleBundle.ts';
import { chromiumPath, startBrowser } from './browser.ts';
import { copyOf, recordRun } from './recordedRun.ts';

const isHere = chromiumPath() !== undefined;
if (!isHere && process.env['CI'] !== 'true')
  process.stderr.write('SKIPPED the console in a browser: no Chromium (Debian: chromium)\n');
const describeInBrowser = isHere || process.env['CI'] === 'true' ? describe : describe.skip;

const tokens = {
  ada: 'operator-token-0123456789',
  bob: 'viewer-token-0123456789ab',
  eve: 'other-task-token-01234567',
};
const waitMs = 15_000;

describeInBrowser('the console in a browser', () => {
  let root: string;
  let assets: string;
  let run: string;
  let browser: Browser;
  let context: BrowserContext;
  const ends: (() => Promise<void> | void)[] = [];
  const logged: string[] = [];

  const say = (keys: object, message: string) => void logged.push(JSON.stringify({ ...keys, message }));
  const log: Log = { debug: say, info: say, warn: say, error: say };

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'mei-console-'));
    assets = join(root, 'assets');
    expect(await bundleConsole(assets)).toBeLessThan(150_000);
    run = await recordRun(root);
    browser = await startBrowser();
  }, 300_000);

  afterEach(async () => {
    await context?.close();
    for (const end of ends.splice(0).reverse()) await end();
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(root, { recursive: true, force: true });
  });

  interface Served {
    folder?: string;
    access?: AccessFile;
    stop?: () => void;
    port?: number;
  }

  async function serve({ folder = run, access, stop, port = 0 }: Served = {}): Promise<ConsoleServer> {
    const source: ConsoleSource = await openRun(folder, { ...(stop && { stop }) });
    const server = await serveConsole(
      { source, log, assets, ...(access && { access }), stream: { intervalMs: 50, heartbeatMs: 100 } },
      { port, host: '127.0.0.1' },
    );
    ends.push(async () => {
      await server.close();
      source.close();
    });
    return server;
  }

  function accessFile(): { access: AccessFile; path: string } {
    const path = join(mkdtempSync(join(root, 'tokens-')), 'tokens');
    writeFileSync(
      path,
      `ada operate * ${tokens.ada}\nbob view two-cameras ${tokens.bob}\neve operate other ${tokens.eve}\n`,
    );
    return { access: new AccessFile(path), path };
  }

  async function open(url: string, options: { colorScheme?: 'light' | 'dark' } = {}): Promise<Page> {
    context = await browser.newContext({
      reducedMotion: 'reduce',
      locale: 'en-GB',
      timezoneId: 'UTC',
      viewport: { width: 1280, height: 900 },
      ...options,
    });
    context.setDefaultTimeout(waitMs);
    const page = await context.newPage();
    await page.goto(url);
    return page;
  }

  async function signIn(page: Page, token: string): Promise<void> {
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }

  const opened = (page: Page, view: string) =>
    page.getByRole('heading', { level: 1, name: view, exact: true }).waitFor();

  test('shows every camera with the people in it at a moment that is chosen', async () => {
    const { url } = await serve();
    const page = await open(url);
    await opened(page, 'Live');
    const slider = page.getByRole('slider', { name: 'Moment that is shown' });
    // Twenty seconds after noon several people are in the right view.
    const moment = Date.parse('2026-01-01T12:00:20Z') / 1000;
    await slider.fill(String(moment));
    const right = page.getByRole('figure', { name: 'Camera right' });
    const expected = readIdentities(run).filter(({ tracks }) =>
      tracks.some(({ camera, from, to }) => camera === 'right' && from <= moment - 1 && to >= moment + 1),
    );
    expect(expected.length).toBeGreaterThan(0);
    const picture = right.getByRole('img');
    await picture.and(page.getByLabel(/Person/)).waitFor();
    const numbers = readIdentities(run).map(({ identity }) => identity);
    for (const { identity } of expected)
      expect(await picture.getAttribute('aria-label')).toContain(`Person ${numbers.indexOf(identity) + 1}`);
    expect(await right.locator('.box').count()).toBeGreaterThanOrEqual(expected.length);
    await right.getByText('none dropped').waitFor();
    expect(await right.locator('video').getAttribute('src')).toBe('api/cameras/right/recording');
    await page.getByText(`${numbers.length} people`).first().waitFor();
    await page.getByText('Done: both cameras have been worked through.').waitFor();
  });

  test('explains bars and gaps of the timeline', async () => {
    const { url } = await serve();
    const page = await open(`${url}#/people`);
    await opened(page, 'People');
    const people = readIdentities(run);
    expect(await page.locator('[data-row]').count()).toBe(people.length);
    expect(await page.locator('.lanes .track').count()).toBe(people.flatMap(({ tracks }) => tracks).length);
    const person = people.find(({ tracks }) => tracks.some(({ score }) => score !== null && score > 0.3))!;
    const track = person.tracks.find(({ score }) => score !== null && score > 0.3)!;
    const number = people.indexOf(person) + 1;
    const at = new Date(track.from * 1000).toISOString().slice(11, 19);
    await page
      .getByRole('button', { name: new RegExp(`^Person ${number} in ${track.camera}, ${at}`) })
      .first()
      .click();
    const why = page.getByRole('region', { name: 'Why' });
    await why.getByText('Similarity', { exact: true }).waitFor();
    await why.getByText(track.score!.toFixed(2), { exact: true }).waitFor();
    const gap = page.locator('.lanes .gap').first();
    const words = await gap.getAttribute('aria-label');
    await gap.focus();
    await page.keyboard.press('Enter');
    await why.getByText(/^Not seen for/).waitFor();
    expect(await why.innerText()).toContain(/not seen for (.*)$/.exec(words!)![1]);
  });

  test('finds people by number, camera and time', async () => {
    const { url } = await serve();
    const page = await open(`${url}#/search`);
    await opened(page, 'Search');
    const people = readIdentities(run);
    await page.getByText(`${people.length} people found`).waitFor();
    await page.getByLabel('Number, name or identity').fill(people[1]!.identity.slice(2));
    await page.getByText('1 person found').waitFor();
    await page.getByRole('link', { name: /Person 2/ }).click();
    await opened(page, 'People');
    await page.getByText('Person 2 alone.').waitFor();
    await page.goto(`${url}#/search`);
    await page.getByLabel('Seen from').fill('2026-01-01T13:00:00');
    await page.getByText('0 people found').waitFor();
  });

  test('tells contacts, counts, ways and what the task is', async () => {
    const { url } = await serve();
    const page = await open(`${url}#/contacts`);
    await opened(page, 'Contacts');
    const contacts = readContacts(run, 1);
    expect(contacts.length).toBeGreaterThan(0);
    expect(await page.locator('tbody tr').count()).toBe(contacts.length);

    await page.goto(`${url}#/counts`);
    await opened(page, 'Counts');
    await page.getByText('The same as a table').click();
    const most = Number(await page.locator('.figures li').nth(1).locator('b').innerText());
    const counted = await page.locator('tbody td:nth-child(2)').allInnerTexts();
    expect(Math.max(...counted.map(Number))).toBe(most);
    expect(most).toBeGreaterThan(1);

    await page.goto(`${url}#/places`);
    await opened(page, 'Places');
    expect(await page.locator('.graph .place').allTextContents()).toEqual(['left', 'right']);
    await page.getByRole('cell', { name: '0 s to 60 s' }).first().waitFor();

    await page.goto(`${url}#/task`);
    await opened(page, 'Task');
    await page.getByText(/times less/).waitFor();
    await page.getByText('It follows everybody over 2 cameras').waitFor();
    expect(await page.getByRole('region', { name: 'Stages, table' }).locator('tbody tr').count()).toBe(5);
  });

  test('asks for a token, and hides it from page, address and log', async () => {
    const { access } = accessFile();
    const { url } = await serve({ access });
    const page = await open(url);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await signIn(page, tokens.eve);
    await page.getByRole('alert').getByText('this token is not one for this task').waitFor();
    await signIn(page, tokens.bob);
    await opened(page, 'Live');
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/console' });
    expect(cookie!.value).not.toContain(tokens.bob);
    expect(
      await page.evaluate('document.cookie + JSON.stringify(localStorage) + location.href'),
    ).not.toContain('token');
    expect(logged.some((line) => line.includes('bob'))).toBe(true);
    for (const token of Object.values(tokens)) expect(logged.join()).not.toContain(token);
    await page.getByRole('button', { name: 'Sign out bob' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  test('ends sessions when a token is withdrawn, also those that are open', async () => {
    const { access, path } = accessFile();
    const { url } = await serve({ access });
    const page = await open(url);
    await signIn(page, tokens.bob);
    await opened(page, 'Live');
    writeFileSync(path, `ada operate * ${tokens.ada}\n`);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  test('lets operators end a run, and viewers only look', async () => {
    let stopped = 0;
    const { access } = accessFile();
    const folder = copyOf(run);
    ends.push(() => rmSync(folder, { recursive: true, force: true }));
    // As while it runs.
    const status = join(folder, 'status.json');
    writeFileSync(status, readFileSync(status, 'utf8').replace('"phase": "Completed"', '"phase": "Running"'));
    const { url } = await serve({ folder, access, stop: () => void (stopped += 1) });
    const page = await open(url);
    await signIn(page, tokens.bob);
    await opened(page, 'Live');
    expect(await page.getByRole('button', { name: 'End the run' }).count()).toBe(0);
    // Whatever the page shows, the server refuses.
    expect(await page.evaluate('fetch("api/stop", { method: "POST" }).then(({ status }) => status)')).toBe(
      403,
    );
    await page.getByRole('button', { name: 'Sign out bob' }).click();
    await signIn(page, tokens.ada);
    const answered = page.waitForResponse((response) => response.url().endsWith('/api/stop'));
    await page.getByRole('button', { name: 'End the run' }).click();
    expect((await answered).status()).toBe(202);
    expect(stopped).toBe(1);
  });

  test('goes on where it was after the server was away, and tells nothing twice', async () => {
    const folder = copyOf(run);
    ends.push(() => rmSync(folder, { recursive: true, force: true }));
    const first = await serve({ folder });
    const port = Number(new URL(first.url).port);
    const page = await open(`${first.url}#/live`);
    await opened(page, 'Live');
    await page.getByText('up to date').waitFor();
    const before = readIdentities(folder).length;
    await first.close();
    await page.getByText('connection lost, trying again').waitFor();
    announce(folder, 'p-whilegone0', 'Seen while the server was away');
    await serve({ folder, port });
    await page.getByText('up to date').waitFor();
    await page
      .getByText(`${before + 1} people`)
      .first()
      .waitFor();
    await page.getByRole('slider').fill(String(Date.parse('2026-01-01T12:00:39Z') / 1000));
    const told = page.getByRole('button', { name: `Person ${before + 1} is new, in right` });
    await told.waitFor();
    expect(await told.count()).toBe(1);
    announce(folder, 'p-afterwards', 'Seen afterwards');
    await page
      .getByText(`${before + 2} people`)
      .first()
      .waitFor();
  });

  test('can be walked with the keyboard alone', async () => {
    const { url } = await serve();
    const page = await open(url);
    await opened(page, 'Live');
    const focused = () =>
      page.evaluate('document.activeElement.innerText || document.activeElement.ariaLabel || ""');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('To the content');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Live');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await opened(page, 'People');
    expect(await focused()).toBe('People');
    await page.keyboard.press('Tab');
    const first = await focused();
    expect(first).toMatch(/^Person 1 in/);
    await page.keyboard.press('ArrowDown');
    expect(await focused()).toMatch(/^Person 2 in/);
    await page.keyboard.press('ArrowUp');
    expect(await focused()).toBe(first);
    await page.keyboard.press('Space');
    await page.getByRole('region', { name: 'Why' }).getByText('Person 1', { exact: true }).waitFor();
  });

  test.each(['light', 'dark'] as const)('is accessible in every view, %s', async (colorScheme) => {
    const { url } = await serve();
    const page = await open(url, { colorScheme });
    await opened(page, 'Live');
    await page.evaluate(`${axe.source}; 0`);
    for (const view of ['Live', 'People', 'Search', 'Contacts', 'Counts', 'Places', 'Task']) {
      await page.getByRole('link', { name: view, exact: true }).click();
      await opened(page, view);
      if (view === 'People') await page.locator('.lanes .track').first().click();
      const result = await page.evaluate('axe.run(document, { resultTypes: ["violations"] })');
      const { violations } = result as {
        violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
      };
      expect({
        view,
        violations: violations.map(({ id, nodes }) => [id, nodes[0]?.html, nodes[0]?.failureSummary]),
      }).toEqual({
        view,
        violations: [],
      });
    }
  });

  test('asks nobody but its own server, and runs no script but its own', async () => {
    const { url } = await serve();
    const asked: string[] = [];
    const complaints: string[] = [];
    const page = await open('about:blank');
    page.on('request', (request) => asked.push(request.url()));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    const answer = await page.goto(url);
    for (const view of ['people', 'search', 'contacts', 'counts', 'places', 'task', 'live']) {
      await page.goto(`${url}#/${view}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
    }
    const own = new URL(url).origin;
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.filter((each) => !each.startsWith(own))).toEqual([]);
    expect(complaints).toEqual([]);
    const policy = answer!.headers()['content-security-policy']!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    const isRun = await page
      .addScriptTag({ content: 'window.injected = true' })
      .then(() => page.evaluate('window.injected === true'))
      .catch(() => false);
    expect(isRun).toBe(false);
  });

  test('shows hostile names as the text that they are', async () => {
    const folder = copyOf(run);
    ends.push(() => rmSync(folder, { recursive: true, force: true }));
    const evil = '<img src=x onerror="window.hit=1">';
    const database = new Database(join(folder, 'identities.db'));
    database.prepare('UPDATE tracks SET reason = ?').run(evil);
    database
      .prepare('INSERT INTO sightings SELECT ?, camera, track, 0.9, 0.5, ?, first_seen FROM tracks LIMIT 1')
      .run(evil, evil);
    database.close();
    const { url } = await serve({ folder });
    const page = await open(`${url}#/people`);
    await opened(page, 'People');
    await page.getByText(evil).first().waitFor();
    await page.locator('.lanes .track').first().click();
    await page.getByRole('region', { name: 'Why' }).getByText(evil).first().waitFor();
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    await page.goto(`${url}#/people/${encodeURIComponent(evil)}`);
    await opened(page, 'People');
    expect(await page.evaluate('window.hit')).toBeUndefined();
  });
});

/** As match does: a track of somebody new, and what it says about it. */
function announce(folder: string, identity: string, reason: string): void {
  const database = new Database(join(folder, 'identities.db'));
  const track = `${identity}.1`;
  const time = Date.parse('2026-01-01T12:00:38Z') / 1000;
  database
    .prepare(
      `INSERT INTO tracks (camera, track, model, revision, first_seen, last_seen, observations, ended, identity, reason)
       VALUES ('right', ?, 'model', 1, ?, ?, 5, 1, ?, ?)`,
    )
    .run(track, time + 1.5, time + 1.9, identity, reason);
  const change = {
    kind: 'assigned',
    identity,
    camera: 'right',
    track,
    time,
    isNew: true,
    score: null,
    margin: null,
    reason,
  };
  database
    .prepare('INSERT INTO events (source, cause, time, changes) VALUES (?, ?, ?, ?)')
    .run('test', identity, time, JSON.stringify([change]));
  database.close();
}
