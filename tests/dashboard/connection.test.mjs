// A page stays with its server: killed, started again, standing still, or another one in its place.
//
//   BATTERY_TWIN_TEST_BINARY=build/release/battery-twin node --test tests/dashboard/connection.test.mjs
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import test, { after } from 'node:test';
import {
  ask,
  AWAY,
  clockOf,
  closeBrowser,
  connection,
  listed,
  newest,
  open,
  screenshot,
  sequence,
  serve,
  told,
  until,
  visit,
} from './browser.mjs';

after(closeBrowser);

const banner = (page) => page.getByRole('alert').filter({ hasText: 'connection to the server is lost' });

// It does by itself; the button is quicker.
function comesBack(page) {
  return until('it is back', async () => {
    if (await connection(page, 'Live').isVisible()) return true;
    await page.getByRole('button', { name: 'Try now' }).click({ timeout: 200 }).catch(() => undefined);
    return false;
  });
}

// Between a page and its server, to be cut.
async function cableTo(t, server) {
  const ends = new Set();
  let whole = true;
  const cable = createServer((near) => {
    if (!whole) {
      near.destroy();
      return;
    }
    const far = connect(server.port, '127.0.0.1');
    for (const [end, other] of [[near, far], [far, near]]) {
      ends.add(end);
      end.pipe(other);
      end.on('error', () => undefined);
      end.on('close', () => {
        ends.delete(end);
        other.destroy();
      });
    }
  });
  cable.unref(); // a failed test does not come to close it
  await new Promise((resolve) => cable.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    whole = false;
    for (const end of ends) end.destroy();
  };
  t.after(() => {
    cut();
    cable.close();
  });
  return { url: `http://127.0.0.1:${cable.address().port}`, cut, mend: () => (whole = true) };
}

async function showsAll(page, from, to) {
  const wanted = sequence(from, to);
  await until(`events ${from} to ${to}`, async () => (await listed(page)).at(-1) === to).catch(() => undefined);
  assert.deepEqual(await listed(page), wanted);
}

test('killed in the middle of a batch and started again: no event is lost or doubled', async (t) => {
  const { server, page } = await visit(t, { at: 'logs', allowed: AWAY, options: ['--step-interval', '20'] });
  await connection(page, 'Live').waitFor();
  await ask(server, 'POST', '/factory/start', { id: 'mid' });
  await page.getByRole('listitem').filter({ hasText: 'Batch mid started processing' }).waitFor();
  assert.equal(await banner(page).count(), 0);

  await server.kill();
  await banner(page).waitFor();
  await connection(page, 'Not connected').waitFor();
  assert.match(await page.getByRole('main').getAttribute('class'), /stale/);
  assert.match(await page.getByRole('main').evaluate((main) => getComputedStyle(main).filter), /grayscale/);
  await page.getByRole('link', { name: 'Health' }).click();
  await screenshot(page, 'not-connected');
  for (const name of ['Pause the plant', '100 ms', 'Reset the factory …'])
    assert.ok(await page.getByRole('button', { name, exact: true }).isDisabled(), name);
  await page.getByRole('link', { name: 'Logs' }).click();

  await server.start();
  await ask(server, 'PATCH', '/factory/pacing', { step_interval_ms: 0 });
  await ask(server, 'POST', '/factory/start', { id: 'while-away' });
  await told(server, 'while-away');
  const last = await newest(server);
  await comesBack(page);
  assert.equal(await banner(page).count(), 0);
  await showsAll(page, 1, last);
  assert.equal((await ask(server, 'GET', '/batches/mid')).attempt, 2);
  await page.getByRole('link', { name: 'Health' }).click();
  assert.ok(await page.getByRole('button', { name: 'Pause the plant' }).isEnabled());
});

test('the page Logs is there all the time: what happened while the server was away, and after, comes once', async (t) => {
  const { server, page } = await visit(t, { at: 'logs', allowed: AWAY, options: ['--step-interval', '5'] });
  await connection(page, 'Live').waitFor();
  await ask(server, 'POST', '/factory/start', { id: 'mid' });
  await page.getByRole('listitem').filter({ hasText: 'coating_anode turned on' }).waitFor();
  await server.kill();
  await banner(page).waitFor();
  await server.start();
  await ask(server, 'PATCH', '/factory/pacing', { step_interval_ms: 0 });
  await told(server, 'mid');
  await showsAll(page, 1, await newest(server));
  // What comes from now on comes live.
  await ask(server, 'POST', '/factory/start', { id: 'more' });
  await told(server, 'more');
  await showsAll(page, 1, await newest(server));
});

for (const [name, before, afterwards] of [
  ['fewer events than the page has seen', 3, 1],
  ['more events than the page has seen', 1, 3],
]) {
  test(`another server in its place, which numbers from 1, with ${name}`, async (t) => {
    const settings = { database: 'none', options: ['--step-interval', '0'] };
    const { server, page } = await visit(t, { at: 'logs', allowed: AWAY, ...settings });
    await connection(page, 'Live').waitFor();
    for (let i = 0; i < before; ++i) await ask(server, 'POST', '/factory/start', { id: `old${i}` });
    for (let i = 0; i < before; ++i) await told(server, `old${i}`);
    const old = await newest(server);
    await showsAll(page, 1, old);

    await server.kill();
    await banner(page).waitFor();
    await server.start();
    for (let i = 0; i < afterwards; ++i) await ask(server, 'POST', '/factory/start', { id: `new${i}` });
    for (let i = 0; i < afterwards; ++i) await told(server, `new${i}`);
    const last = await newest(server);
    await connection(page, 'Live').waitFor();
    const text = 'The server started anew: its events are numbered from 1 again';
    const wanted = [...sequence(1, old), text, ...sequence(1, last)].slice(-500);
    await until('all events', async () => (await listed(page)).length === wanted.length).catch(() => undefined);
    assert.deepEqual(await listed(page), wanted);
  });
}

test('events that are gone are a gap, not a silence', async (t) => {
  const server = await serve(t, { database: 'none', options: ['--step-interval', '0'] });
  const cable = await cableTo(t, server);
  const page = await open(t, cable, { at: 'logs?machine=aging_cell', allowed: AWAY });
  await connection(page, 'Live').waitFor();
  await ask(server, 'POST', '/factory/start', { id: 'seen' });
  await told(server, 'seen');
  await until('both events', async () => (await listed(page)).length === 2);
  const before = await newest(server);

  cable.cut(); // the server goes on
  await banner(page).waitFor();
  const many = 300; // batches of some 40 events: more than the server keeps
  for (let i = 0; i < many; ++i) await ask(server, 'POST', '/factory/start', { id: `unseen${i}` });
  await told(server, `unseen${many - 1}`);
  const last = await newest(server);
  assert.ok(last > 10_000 + before);
  cable.mend();
  await comesBack(page);
  await until('the newest', async () => (await listed(page)).at(-1) > last - 10);
  const gap = `Events ${before + 1} to ${last - 10_000} are not shown: too many came while the connection was away`;
  await page.getByRole('listitem').filter({ hasText: gap }).waitFor();
  const rows = await listed(page);
  assert.equal(rows[2], gap);
  assert.ok(rows[3] > last - 10_000);
  assert.equal(rows.filter((row) => typeof row === 'string').length, 1);
});

test('a server that stands still is noticed, and one that goes on', async (t) => {
  // Its own time-outs are not waited for: the page's clock goes as the test says.
  let clock;
  const prepare = async (page) => (clock = await clockOf(page));
  const { server, page } = await visit(t, { at: 'logs', allowed: AWAY, options: ['--step-interval', '0'], prepare });
  await connection(page, 'Live').waitFor();
  await clock.stop();
  process.kill(server.pid, 'SIGSTOP');
  await page.clock.fastForward(9_000);
  assert.equal(await banner(page).count(), 0);
  await page.clock.fastForward(11_000); // it asks
  assert.equal(await banner(page).count(), 0);
  await page.clock.fastForward(11_000); // and has no answer
  await banner(page).waitFor();
  process.kill(server.pid, 'SIGCONT');
  await page.clock.resume();
  await comesBack(page);
  await ask(server, 'POST', '/factory/start', { id: 'late' });
  await told(server, 'late');
  await showsAll(page, 1, await newest(server));
});

// Until that is called the page gets no answer to such a request.
async function hold(page, path) {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await page.route(`**${path}`, async (route) => {
    await released;
    await route.continue().catch(() => undefined); // the page may have given it up
  });
  return release;
}

test('the table of batches goes on after a connection that broke while it asked for a batch', async (t) => {
  const server = await serve(t, { options: ['--step-interval', '0'] });
  const cable = await cableTo(t, server);
  const page = await open(t, cable, { at: 'batches', allowed: AWAY });
  await connection(page, 'Live').waitFor();
  const release = await hold(page, '/batches/held');
  const asked = page.waitForRequest('**/batches/held');
  await ask(server, 'POST', '/factory/start', { id: 'held' });
  await asked;
  cable.cut();
  await banner(page).waitFor();
  cable.mend();
  await comesBack(page);
  await page.getByRole('row', { name: /held.*completed/ }).waitFor();
  const answered = page.waitForResponse('**/batches/held');
  release();
  await answered;
  await ask(server, 'POST', '/factory/start', { id: 'afterwards' });
  await page.getByRole('row', { name: /afterwards.*completed/ }).waitFor();
});

test('an answer that comes late takes back nothing that events have told since', async (t) => {
  // What is looked at regularly helps, but not soon.
  const prepare = (page) => page.addInitScript(() => {
    const every = globalThis.setInterval;
    globalThis.setInterval = (action, pause) => (pause < 10_000 ? every(action, pause) : 0);
  });
  const { server, page } = await visit(t, { at: 'plant', options: ['--step-interval', '10'], prepare });
  await connection(page, 'Live').waitFor();
  const atWork = (machine) => page.getByRole('link', { name: new RegExp(`^${machine} anode, .* on batch one`, 'i') });
  const machineAtWork = ({ lines }) => Object.keys(lines.anode).find((machine) => lines.anode[machine].state === 'On');
  const looked = page.waitForResponse(async (response) => /factory.status/.test(response.url()) && (await response.json()).running[0]);
  await ask(server, 'POST', '/factory/start', { id: 'one' });
  await looked;

  const held = [];
  await page.route('**/factory/status', async (route) => held.push({ route, response: await route.fetch() }), { times: 1 });
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange'))); // it looks
  await until('an answer', () => held.length > 0);
  const [{ route, response }] = held;
  const old = machineAtWork(await response.json());
  await until('the next machine', async () => {
    const machine = machineAtWork(await ask(server, 'GET', '/factory/status'));
    return machine && machine !== old;
  });
  await ask(server, 'PATCH', '/factory/pacing', { paused: true });
  const machine = machineAtWork(await ask(server, 'GET', '/factory/status'));
  await atWork(machine).waitFor();

  await route.fulfill({ response });
  await page.evaluate(() => new Promise((done) => setTimeout(done, 100))); // it is drawn perhaps, for a moment
  await atWork(machine).waitFor();
  await atWork(old).waitFor({ state: 'hidden' });
});
