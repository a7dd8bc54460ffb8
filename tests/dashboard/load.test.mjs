// A plant that goes as fast as it can, some thousand events a second: the pages go on to answer, and do not grow.
//
//   BATTERY_TWIN_TEST_BINARY=build/release/battery-twin node --test tests/dashboard/load.test.mjs
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { ask, closeBrowser, connection, listed, open, sequence, serve, until } from './browser.mjs';

after(closeBrowser);

const BATCHES = 600; // of some 40 events each
const ELEMENTS = 8_000; // on a page at most, whatever has happened
const DRAWN = 500; // rows of the log

const idle = async (server) => (await ask(server, 'GET', '/factory/status')).state === 'idle';
const newest = async (server) => (await ask(server, 'GET', '/factory/logs?limit=1')).logs[0].seq;

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

test('a thousand events a second and more', { timeout: 120_000 }, async (t) => {
  const server = await serve(t, { options: ['--step-interval', '0'] });
  await ask(server, 'PATCH', '/factory/pacing', { paused: true });
  for (let i = 0; i < BATCHES; ++i) await ask(server, 'POST', '/factory/start', { id: `b${i}` });
  const page = await open(t, server, { at: 'logs', prepare: watchLongTasks });
  await connection(page, 'Live, paused').waitFor();

  const first = await newest(server);
  const began = Date.now();
  await ask(server, 'PATCH', '/factory/pacing', { paused: false });
  const times = {};
  let rounds = 0;
  while (rounds < 2 && !(await idle(server))) {
    ++rounds;
    for (const view of ['Plant', 'Batches', 'Health', 'Logs']) {
      await timed(times, view, async () => {
        await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: view }).click();
        await page.getByRole('heading', { level: 1, name: view }).waitFor();
      });
      if (view === 'Plant') {
        await timed(times, 'drawer', async () => {
          await page.getByRole('link', { name: /^Formation cycling cell/ }).click();
          await page.getByRole('dialog').getByRole('button', { name: 'Apply' }).waitFor();
        });
        await page.keyboard.press('Escape');
      }
      if (view === 'Logs') {
        await until('rows', async () => (await listed(page)).length > 0);
        await timed(times, 'pause the log', async () => {
          await page.getByRole('button', { name: 'Pause' }).click();
          await page.getByRole('button', { name: 'Follow' }).waitFor();
        });
        await page.getByRole('button', { name: 'Follow' }).click();
        assert.ok((await listed(page)).length <= DRAWN);
      }
      const elements = await page.evaluate(() => document.querySelectorAll('*').length);
      assert.ok(elements < ELEMENTS, `${elements} elements in ${view}`);
    }
  }
  assert.ok(rounds > 0, 'it was over before the page could be tried');
  const rate = Math.round(((await newest(server)) - first) / ((Date.now() - began) / 1000));
  const tasks = await page.evaluate(() => globalThis.longTasks);
  t.diagnostic(`${rate} events a second, ${rounds} rounds; ms until there: ${JSON.stringify(times)}`);
  t.diagnostic(`${tasks.length} long tasks, the longest ${Math.max(0, ...tasks)} ms`);

  // It is ended from the page, in the middle of it.
  await page.getByRole('link', { name: 'Health' }).click();
  await page.getByRole('button', { name: 'Reset the factory' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Reset', exact: true }).click();
  await page.getByText('The factory was reset.').waitFor();
  await page.getByRole('link', { name: 'Logs' }).click();
  await until('the log shows the end', async () => (await listed(page)).at(-1) === (await newest(server)));
  const seqs = await listed(page);
  assert.equal(seqs.length, DRAWN);
  assert.deepEqual(seqs, sequence(seqs[0], seqs.at(-1)), 'without holes');
});
