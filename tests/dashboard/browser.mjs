// Debian's Chromium, driven by Playwright; a page in it that must not complain; and what tests do with both.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { TwinServer } from './server.mjs';

const PATIENCE_MS = 30_000; // a machine that builds beside is slow
// While the dashboard is written: its files in that folder instead of those in the program.
const UI_DIR = process.env.BATTERY_TWIN_TEST_UI_DIR;

let launched = null;

// One for all tests of a file: each has a context of its own.
function browser() {
  launched ??= chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    // Chromium's sandbox refuses to start for root, as in containers.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  return launched;
}

/** To be called in a file's `after`. */
export async function closeBrowser() {
  if (launched) await (await launched).close();
  launched = null;
}

export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 360, height: 740 };

/**
 * A server and a page of its dashboard; both end with the test, which fails if the page complained.
 *
 * @param t         the test's context
 * @param settings  of the server (see TwinServer), and of the page:
 *   at       where to begin, e.g. "logs"
 *   size     WIDE or NARROW
 *   colours  "light" or "dark"
 *   allowed  what the page may complain about: refused(400), AWAY
 *   prepare  given the page before it loads anything
 */
export async function visit(t, { at = '', size = WIDE, colours = 'light', allowed, prepare, ...settings } = {}) {
  const server = await serve(t, settings);
  const page = await open(t, server, { at, size, colours, allowed, prepare });
  return { server, page };
}

// What a test has opened. The pages go first: they would complain of a server that is away.
const ends = new WeakMap();

function endOf(t) {
  const known = ends.get(t);
  if (known) return known;
  const opened = { pages: [], servers: [] };
  ends.set(t, opened);
  t.after(async () => {
    for (const { context } of opened.pages) await context.close();
    for (const server of opened.servers) await server.close();
    for (const { complaints } of opened.pages) assert.deepEqual(complaints, [], 'the page complained');
  });
  return opened;
}

/** A server's options, and where the dashboard is while it is written. */
export const optionsOf = (options) => [...options, ...(UI_DIR ? ['--ui-dir', UI_DIR] : [])];

export async function serve(t, { options = [], ...settings } = {}) {
  const { servers } = endOf(t);
  const server = await TwinServer.start({ ...settings, options: optionsOf(options) });
  servers.push(server);
  return server;
}

/** @param root  the path before the server's, as behind a proxy */
export async function open(t, server, { at = '', size = WIDE, colours = 'light', allowed, prepare, root = '' } = {}) {
  const context = await (await browser()).newContext({
    viewport: size,
    colorScheme: colours,
    reducedMotion: 'reduce', // nothing to wait for
    acceptDownloads: true,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  endOf(t).pages.push({ context, complaints: listen(page, allowed) });
  await prepare?.(page);
  await page.goto(`${server.url}${root}/#/${at}`);
  return page;
}

function listen(page, allowed) {
  const complaints = [];
  const complain = (text) => {
    if (!allowed?.test(text)) complaints.push(text);
  };
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complain(message.text());
  });
  page.on('pageerror', (error) => complain(String(error.stack ?? error)));
  page.on('crash', () => complain('the page crashed'));
  return complaints;
}

/** What Chromium says when the server refuses, of a test that provokes it: `allowed: refused(400)`. */
export const refused = (status) => new RegExp(`^Failed to load resource: the server responded with a status of ${status} `);

/** What Chromium says when nobody is there. */
export const AWAY = /ERR_CONNECTION|ERR_SOCKET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE|WebSocket connection to .* failed/;

/** Asks the server beside the page. */
export async function ask(server, method, path, body) {
  const response = await fetch(server.url + path, {
    method,
    ...(body === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const answer = await response.json();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

/** Looks until it is so. */
export async function until(what, look, patience = PATIENCE_MS) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The batch is done, and that can be heard: an event is told once it is kept, a little later. */
export function told(server, id) {
  return until(`batch ${id} is done`, async () => {
    const { logs } = await ask(server, 'GET', `/factory/logs?batch_id=${id}&limit=1000`);
    return logs.some(({ event }) => event === 'batch_completed');
  });
}

/**
 * Takes the page's clock in hand, for `prepare`.
 * @return  stop: the clock goes no further by itself, and the page has just heard of its server;
 *          heard: whether all that it has asked on the WebSocket was answered
 */
export async function clockOf(page) {
  let asked = 0;
  let answered = 0;
  page.on('websocket', (socket) => {
    socket.on('framesent', () => ++asked);
    socket.on('framereceived', ({ payload }) => (answered += Number(String(payload).startsWith('Echo'))));
  });
  await page.clock.install();
  const heard = () => answered === asked;
  const stop = async () => {
    await page.clock.pauseAt((await page.evaluate(() => Date.now())) + 5_000); // not in the past, however slow all is
    const before = answered;
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange'))); // it asks
    await until('the server is heard of', () => answered > before && heard());
  };
  return { stop, heard };
}

export const connection = (page, word) => page.locator('header').getByText(word, { exact: true });

/** SCREENSHOTS=FOLDER keeps them. */
export async function screenshot(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** The newest that the server has kept: its number. */
export async function newest(server) {
  return (await ask(server, 'GET', '/factory/logs?limit=1')).logs.at(-1)?.seq ?? 0;
}

/** The numbers of the events that the page Logs shows, and its gaps. */
export async function listed(page) {
  return page
    .getByRole('region', { name: 'Events' })
    .getByRole('listitem')
    .evaluateAll((items) => items.map((item) => (item.dataset.seq ? Number(item.dataset.seq) : item.textContent.trim())));
}

/** [5, 6, 7] for (5, 7) */
export const sequence = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
