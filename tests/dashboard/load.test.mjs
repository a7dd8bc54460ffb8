// A plant that goes as fast as it can, some thousand events a second: the pages go on to answer, and do not grow.
//
//   BATTERY_TWIN_TEST_BINARY=build/release/battery-twin node --test tests/dashboard/load.test.mjs
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { ask, closeBrowser, connection, listed, newest, open, sequence, serve, until } from './browser.mjs';

after(closeBrowser);

const ROUNDS = 2; // through the views
const BATCHES = 300; // of some 40 events each, that come while the table of batches is open
const WAITING = 40; // in the plant's queue, so that it always has something to do
const DRAWN = 500; // rows of the log
const LISTED = 100; // rows of the table of batches

// How long the page could not answer.
function watchLongTasks(page) {
  return page.addInitScript(() => {
    globalThis.longTasks = [];
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) globalThis.longTasks.push(Math.round(duration));
    }).observe({ type: 'longtask' });
  });
}

// Clicks, and waits for what comes of it. How long that took decides nothing: others use this machine too.
async function timed(times, name, action) {
  const began = performance.now();
  await action();
  (times[name] ??= []).push(Math.round(performance.now() - began));
}

// Batches, always as many as keep the plant busy.
function feed(server) {
  let wanted = true;
  let made = 0;
  const done = (async () => {
    while (wanted) {
      const { queue } = await ask(server, 'GET', '/factory/status');
      for (let i = queue.length; i < WAITING && wanted; ++i) await ask(server, 'POST', '/factory/start', { id: `b${++made}` });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  return {
    stop() {
      wanted = false;
      return done;
    },
  };
}

const completed = async (server) => (await ask(server, 'GET', '/factory/status')).counters.completed;
const elements = (page) => page.evaluate(() => document.querySelectorAll('*').length);

// Nodes that the page holds, also those that it does not show any more.
async function held(session) {
  await session.send('HeapProfiler.collectGarbage');
  return (await session.send('Memory.getDOMCounters')).nodes;
}

test('a thousand events a second and more', async (t) => {
  const server = await serve(t, { options: ['--step-interval', '0'] });
  const food = feed(server);
  t.after(() => food.stop().catch(() => undefined));
  await until('batches for the whole table', async () => (await completed(server)) > LISTED);
  const page = await open(t, server, { at: 'logs', prepare: watchLongTasks });
  await connection(page, 'Live').waitFor();

  const first = await newest(server);
  const began = Date.now();
  const times = {};
  const visit = async (name) => {
    await timed(times, name, async () => {
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
      await page.getByRole('heading', { level: 1, name }).waitFor();
    });
  };
  for (let round = 0; round < ROUNDS; ++round) {
    await visit('Plant');
    await timed(times, 'drawer', async () => {
      await page.getByRole('link', { name: /^Formation cycling cell/ }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Apply' }).waitFor();
    });
    await page.keyboard.press('Escape');
    await visit('Health');
    await visit('Logs');
    await until('rows', async () => (await listed(page)).length > 0);
    await timed(times, 'pause the log', async () => {
      await page.getByRole('button', { name: 'Pause' }).click();
      await page.getByRole('button', { name: 'Follow' }).waitFor();
    });
    await page.getByRole('button', { name: 'Follow' }).click();
    await until('the log is full', async () => (await listed(page)).length === DRAWN);
  }

  // The table stands open while hundreds of batches come and go, and leaves nothing behind.
  await visit('Health');
  const session = await page.context().newCDPSession(page);
  const nodes = await held(session);
  await visit('Batches');
  const rows = page.getByRole('region', { name: 'Batches' }).locator('tbody tr');
  await until('the table is full', async () => (await rows.count()) >= LISTED);
  const shown = await elements(page);
  const end = (await completed(server)) + BATCHES;
  await until('many more', async () => (await completed(server)) >= end, 120_000);
  assert.equal(await rows.count(), LISTED);
  const afterwards = await elements(page); // rows of batches at work have some more than others
  assert.ok(afterwards < 1.25 * shown, `${shown} elements, then ${afterwards}`);
  await visit('Health');
  await until(`it holds ${nodes} nodes as before`, async () => (await held(session)) < 1.5 * nodes);
  t.diagnostic(`${nodes} nodes held, then ${await held(session)}; ${shown} elements of batches, then ${afterwards}`);

  const rate = Math.round(((await newest(server)) - first) / ((Date.now() - began) / 1000));
  const tasks = await page.evaluate(() => globalThis.longTasks);
  t.diagnostic(`${rate} events a second; ms until there: ${JSON.stringify(times)}`);
  t.diagnostic(`${tasks.length} long tasks, the longest ${Math.max(0, ...tasks)} ms`);

  // It is ended from the page, in the middle of it.
  await food.stop();
  await page.getByRole('button', { name: 'Reset the factory' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Reset', exact: true }).click();
  await page.getByText('The factory was reset.').waitFor();
  await visit('Logs');
  await until('the log shows the end', async () => (await listed(page)).at(-1) === (await newest(server)));
  const seqs = await listed(page);
  assert.equal(seqs.length, DRAWN);
  assert.deepEqual(seqs, sequence(seqs[0], seqs.at(-1)), 'without holes');
});
