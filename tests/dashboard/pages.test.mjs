// What a person does with the dashboard, page by page, against the real server.
//
//   BATTERY_TWIN_TEST_BINARY=build/release/battery-twin node --test tests/dashboard/pages.test.mjs
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test, { after } from 'node:test';
import {
  ask,
  clockOf,
  closeBrowser,
  connection,
  listed,
  newest,
  open,
  refused,
  sequence,
  serve,
  told,
  until,
  visit,
} from './browser.mjs';

after(closeBrowser);

const FAST = ['--step-interval', '0'];
const SLOW = ['--step-interval', '1000'];

test('a batch is started by a click, is seen to go through the plant, and its figures are there', async (t) => {
  const { server, page } = await visit(t, { options: ['--step-interval', '50', '--seed', '1'] });
  await page.getByRole('link', { name: 'Start a batch' }).click();
  const dialog = page.getByRole('dialog', { name: 'Start a batch' });
  await dialog.getByLabel('Id', { exact: true }).fill('clicked');
  await dialog.getByRole('button', { name: 'Start the batch' }).click();
  await dialog.waitFor({ state: 'hidden' });
  // Where it was asked for, it is seen to go.
  await page.getByRole('heading', { level: 1, name: 'Plant' }).waitFor();
  await page.getByText('Batch clicked accepted, started at once').waitFor();
  await page.getByRole('link', { name: /, working on batch clicked/ }).first().waitFor();
  await ask(server, 'PATCH', '/factory/pacing', { step_interval_ms: 0 });
  await page.getByText('No batch is running.').waitFor();

  await page.getByRole('link', { name: 'Batches' }).click();
  await page.getByRole('row', { name: /clicked.*completed/ }).getByRole('link', { name: 'clicked', exact: true }).click();
  await page.getByRole('heading', { name: 'Batch clicked', level: 1 }).waitFor();
  const { end_of_line: figures } = await ask(server, 'GET', '/batches/clicked');
  const main = page.getByRole('main');
  await main.getByText('completed', { exact: true }).first().waitFor();
  const text = await until('figures', async () => {
    const found = await main.innerText();
    return found.includes('Ah') && found;
  });
  const capacity = `${Number(figures.capacity_Ah.toPrecision(5))} Ah`;
  assert.ok(text.includes(capacity), `no ${capacity} in ${text}`);
});

test('a batch without a good cell is marked as scrap, and its causes say what is wrong', async (t) => {
  const { server, page } = await visit(t, { options: FAST });
  await ask(server, 'POST', '/factory/start', { id: 'narrow', anode_inspection_params: { epsilon_width_max: 1e-12 } });
  await until('it is through', async () => (await ask(server, 'GET', '/batches/narrow')).status === 'completed');
  await page.goto(`${server.url}/#/batches/narrow`);
  const main = page.getByRole('main');
  await main.getByText('completed', { exact: true }).first().waitFor();
  await main.locator('.heading').getByText('scrap', { exact: true }).waitFor();
  await main.getByText('Inspection anode: width not passed').waitFor();
  await main.getByText(/^Width not passed/).waitFor();

  // As it is, a batch has some scrap and is none.
  await ask(server, 'POST', '/factory/start', { id: 'usual' });
  await until('it is through', async () => (await ask(server, 'GET', '/batches/usual')).status === 'completed');
  await page.goto(`${server.url}/#/batches/usual`);
  await page.getByRole('heading', { name: 'Batch usual', level: 1 }).waitFor();
  await main.getByText('completed', { exact: true }).first().waitFor();
  assert.equal(await main.locator('.heading').getByText('scrap', { exact: true }).count(), 0);
});

test('bad input shows the server\'s reason at the field', async (t) => {
  const { server, page } = await visit(t, { at: 'batches?start=1', options: SLOW, allowed: refused(400) });
  const dialog = page.getByRole('dialog', { name: 'Start a batch' });
  await dialog.getByLabel('Find a parameter').fill('gap height');
  const gap = dialog.getByRole('group', { name: 'Coating anode' }).getByRole('textbox', { name: /^Gap height/ });
  await gap.fill('-5');
  await dialog.getByLabel('Id', { exact: true }).fill('no spaces');
  await dialog.getByRole('button', { name: 'Start the batch' }).click();

  const seen = (field) => until('it is said at the field', async () => {
    if ((await field.getAttribute('aria-invalid')) !== 'true') return '';
    // Not its hints, which name the limits at all times.
    return field.evaluate((input) => {
      const ids = input.getAttribute('aria-describedby').split(' ').filter((id) => id.endsWith('problem'));
      return ids.map((id) => document.getElementById(id)?.textContent ?? '').join(' ');
    });
  });
  assert.match(await seen(gap), /greater than 0/);
  assert.match(await seen(dialog.getByLabel('Id', { exact: true })), /letter|pattern|characters/i);
  assert.equal((await ask(server, 'GET', '/batches')).batches.length, 0);

  await gap.fill('250');
  await dialog.getByLabel('Id', { exact: true }).fill('good');
  await dialog.getByRole('button', { name: 'Start the batch' }).click();
  await dialog.waitFor({ state: 'hidden' });
  const { parameters } = await ask(server, 'GET', '/batches/good');
  assert.equal(parameters.anode_coating_params.gap_height, 250e-6);
});

test('a machine\'s parameter is changed in µm, and the server has it in m', async (t) => {
  const { server, page } = await visit(t, { options: SLOW });
  await page.getByRole('link', { name: /^Coating anode/ }).click();
  const drawer = page.getByRole('dialog', { name: 'Coating anode' });
  const gap = drawer.getByRole('textbox', { name: /^Gap height \(µm\)/ });
  await gap.fill('210');
  await drawer.getByRole('button', { name: 'Apply' }).click();
  await drawer.getByText('They apply now.').waitFor();
  const { machine_parameters: set } = await ask(server, 'GET', '/machine/anode/coating/status');
  assert.equal(set.gap_height, 210e-6);

  // What somebody else changes is seen too.
  await ask(server, 'PATCH', '/machine/anode/coating/parameters', { gap_height: 190e-6 });
  await drawer.getByText(/Now 190 µm/).waitFor();
  await page.keyboard.press('Escape');
  await drawer.waitFor({ state: 'hidden' });

  // Another unit is another number, not another value.
  await page.getByText('Display', { exact: true }).click();
  await page.getByRole('radio', { name: 'mm' }).check({ force: true });
  await page.getByRole('link', { name: /^Coating anode/ }).click();
  await drawer.getByRole('textbox', { name: /^Gap height \(mm\)/ }).waitFor();
  await drawer.getByText(/Now 0\.19 mm/).waitFor();
});

test('the pacing is changed, and a wrong one is refused at the field', async (t) => {
  const { server, page } = await visit(t, { at: 'health', options: SLOW, allowed: refused(400) });
  const pacing = async () => (await ask(server, 'GET', '/factory/status')).pacing;
  await page.getByText('healthy').waitFor();
  await page.getByText('SQLite').waitFor();

  const field = page.getByRole('textbox', { name: /^Step interval/ });
  await field.fill('99999');
  await page.getByRole('button', { name: 'Set', exact: true }).click();
  await page.getByRole('alert').filter({ hasText: 'less than or equal to 60000' }).waitFor();
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  await field.fill('soon');
  await page.getByRole('button', { name: 'Set', exact: true }).click();
  await page.getByRole('alert').filter({ hasText: 'valid number' }).waitFor();
  assert.equal((await pacing()).step_interval_ms, 1000);

  await field.fill('250');
  await page.keyboard.press('Enter');
  await page.getByText('The step interval was changed').waitFor();
  assert.deepEqual(await pacing(), { step_interval_ms: 250, paused: false });
  assert.equal(await field.getAttribute('aria-invalid'), 'false');
  assert.equal(await page.getByText(/it takes about/).count(), 0); // no batch has been completed
  await page.getByRole('button', { name: '10 ms' }).click();
  await page.getByRole('button', { name: '10 ms', pressed: true }).waitFor();
  await page.getByRole('button', { name: 'Pause the plant' }).click();
  await page.getByRole('button', { name: 'Resume the plant' }).waitFor();
  assert.deepEqual(await pacing(), { step_interval_ms: 10, paused: true });
  await connection(page, 'Live, paused').waitFor();

  await ask(server, 'PATCH', '/factory/pacing', { step_interval_ms: 0, paused: false });
  await ask(server, 'POST', '/factory/start', { id: 'first' });
  await page.getByText(/A batch like first makes \d+ of them one after the other, so it takes about \d/).waitFor();
});

test('health is looked at while somebody sees it', async (t) => {
  let looks = 0;
  let clock;
  const prepare = async (page) => {
    page.on('request', (request) => (looks += Number(new URL(request.url()).pathname === '/health')));
    clock = await clockOf(page);
  };
  const { page } = await visit(t, { at: 'health', options: SLOW, prepare });
  await connection(page, 'Live').waitFor();
  await clock.stop();
  // Answers take as long as they take; meanwhile no time passes in the page.
  const asOf = () => page.getByText(/^As of/).innerText();
  const time = () => page.evaluate(() => new Date().toTimeString().slice(0, 8));
  await until('it looks', async () => {
    if (clock.heard() && (await asOf()).includes(await time())) return true;
    await page.clock.runFor(250);
    return false;
  });
  const fiveSeconds = async (wanted) => {
    const before = { looks, text: wanted && (await asOf()) };
    await page.clock.runFor(5_000);
    await until('the answers', async () => clock.heard() && (!wanted || (await asOf()) !== before.text));
    assert.equal(looks, before.looks + wanted);
  };
  const turn = (state) =>
    page.evaluate((value) => {
      Object.defineProperty(document, 'visibilityState', { value, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, state);
  for (let i = 0; i < 4; ++i) await fiveSeconds(1);
  await turn('hidden');
  for (let i = 0; i < 4; ++i) await fiveSeconds(0);
  const before = looks;
  await turn('visible');
  await until('it looks at once', () => looks === before + 1);
  await page.getByRole('link', { name: 'Plant' }).click();
  await page.getByRole('heading', { level: 1, name: 'Plant' }).waitFor();
  for (let i = 0; i < 4; ++i) await fiveSeconds(0);
});

test('the factory is reset once that was confirmed', async (t) => {
  const { server, page } = await visit(t, { at: 'health', options: SLOW });
  for (const id of ['first', 'second']) await ask(server, 'POST', '/factory/start', { id });
  await ask(server, 'PATCH', '/machine/cell/aging/parameters', { aging_time_days: 3 });
  const button = page.getByRole('button', { name: 'Reset the factory' });
  const dialog = page.getByRole('dialog', { name: 'Reset the factory?' });
  await button.click();
  await dialog.getByText('(1 running, 1 queued)').waitFor();
  await dialog.getByRole('button', { name: 'Keep everything' }).click();
  await dialog.waitFor({ state: 'hidden' });
  assert.equal((await ask(server, 'GET', '/factory/status')).counters.cancelled, 0);
  await until('the focus goes back', () => button.evaluate((it) => it === document.activeElement));

  await button.click();
  await dialog.getByRole('button', { name: 'Reset', exact: true }).click();
  await page.getByText('The factory was reset. 2 batches were cancelled: first, second').waitFor();
  const { machine_parameters: aging } = await ask(server, 'GET', '/machine/cell/aging/status');
  assert.notEqual(aging.aging_time_days, 3);
});

test('logs are filtered by the server, searched in the page, kept as files', async (t) => {
  const server = await serve(t, { options: FAST });
  for (const id of ['a', 'b']) await ask(server, 'POST', '/factory/start', { id });
  for (const id of ['a', 'b']) await told(server, id);
  const { logs } = await ask(server, 'GET', '/factory/logs?limit=1000');
  const seqs = (passes) => logs.filter(passes).map(({ seq }) => seq);
  const page = await open(t, server, { at: 'logs' });
  const shows = async (what, wanted) => {
    await until(what, async () => (await listed(page)).join() === wanted.join()).catch(() => undefined);
    assert.deepEqual(await listed(page), wanted, what);
  };
  await shows('everything', seqs(() => true));

  await page.getByLabel('Level').selectOption('info and above');
  await shows('above debug', seqs(({ level }) => level !== 'debug'));
  await page.getByLabel('Batch').fill('b');
  await shows('of batch b', seqs(({ level, batch_id }) => level !== 'debug' && batch_id === 'b'));
  assert.match(page.url(), /level=info/);
  assert.match(page.url(), /batch=b/);
  await page.getByLabel('Level').selectOption('all');
  await page.getByLabel('Machine').selectOption('Coating cathode');
  const ofMachine = ({ machine, batch_id }) => machine === 'coating_cathode' && batch_id === 'b';
  await shows('of a machine', seqs(ofMachine));
  await page.reload();
  await shows('the same after a reload', seqs(ofMachine));
  const machine = page.getByLabel('Machine');
  await machine.getByRole('option', { name: 'Aging cell' }).waitFor({ state: 'attached' });
  assert.equal(await machine.inputValue(), 'coating_cathode');

  // What comes later passes the same filters.
  await page.goto(`${server.url}/#/logs?machine=coating_cathode&level=debug`);
  await page.getByLabel('Batch').fill('c');
  await page.getByText('No event passes these filters.').waitFor();
  await ask(server, 'POST', '/factory/start', { id: 'c' });
  await ask(server, 'POST', '/factory/start', { id: 'd' });
  for (const id of ['c', 'd']) await told(server, id);
  const all = (await ask(server, 'GET', '/factory/logs?limit=1000')).logs;
  const ofC = all.filter(({ machine, batch_id }) => machine === 'coating_cathode' && batch_id === 'c');
  await shows('new ones of a machine and a batch', ofC.map(({ seq }) => seq));

  await page.getByLabel('Batch').fill('');
  await page.getByLabel('Machine').selectOption('all');
  await page.getByLabel('Search in what is loaded').fill('MERGED');
  const merged = all.filter(({ message }) => message.includes('merged'));
  await shows('found', merged.map(({ seq }) => seq));
  const saved = async (button) => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: button }).click(),
    ]);
    return readFile(await download.path(), 'utf8');
  };
  const lines = (await saved('Download .jsonl')).trim().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(lines, merged);
  const text = await saved('Download .txt');
  for (const { message } of merged) assert.ok(text.includes(message));
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await Promise.all([ // it says so for a while only
    page.getByText(`${merged.length} lines copied`).waitFor(),
    page.getByRole('button', { name: 'Copy' }).click(),
  ]);
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
});

test('a space at the end of what is searched for stays while more is typed', async (t) => {
  const server = await serve(t, { options: FAST });
  await ask(server, 'POST', '/factory/start', { id: 'a' });
  await told(server, 'a');
  const page = await open(t, server, { at: 'logs' });
  const search = page.getByLabel('Search in what is loaded');
  await search.pressSequentially('batch ');
  await page.waitForURL(/search=batch/);
  await until('it is found', async () => (await listed(page)).length < (await newest(server)));
  await search.pressSequentially('a c');
  const wanted = (await ask(server, 'GET', '/factory/logs?limit=1000')).logs.filter(({ message }) => /batch a c/i.test(message));
  await until('found', async () => (await listed(page)).length === wanted.length).catch(() => undefined);
  assert.equal(await search.inputValue(), 'batch a c');
  assert.deepEqual(await listed(page), wanted.map(({ seq }) => seq));
});

test('the log follows, stands still when asked to or scrolled up, and says how much is new', async (t) => {
  const server = await serve(t, { options: FAST });
  const run = async (id) => {
    await ask(server, 'POST', '/factory/start', { id });
    await told(server, id);
  };
  await run('a');
  const page = await open(t, server, { at: 'logs' });
  const list = page.getByRole('region', { name: 'Events' });
  const left = () => list.evaluate((it) => Math.round(it.scrollHeight - it.clientHeight - it.scrollTop));
  const last = async () => (await listed(page)).at(-1);
  const first = await newest(server);
  const follows = (to) => until(`it follows to ${to}`, async () => (await last()) === to && (await left()) <= 1);
  await follows(first);

  await list.hover();
  await page.mouse.wheel(0, -400);
  await page.getByRole('button', { name: 'Follow' }).waitFor();
  const top = () => list.evaluate((it) => it.scrollTop);
  let before = NaN;
  await until('it stands still', async () => before === (before = await top()));
  await run('b');
  const second = await newest(server);
  await page.getByText(`${second - first} new`).waitFor();
  assert.equal(await last(), first);
  assert.equal(await top(), before);
  await page.mouse.wheel(0, 4000);
  await follows(second);

  await page.getByRole('button', { name: 'Pause' }).click();
  await run('c');
  const third = await newest(server);
  await page.getByText(`${third - second} new`).waitFor();
  assert.equal(await last(), second);
  await page.getByRole('button', { name: 'Follow' }).click();
  await follows(third);
  assert.deepEqual(await listed(page), sequence(1, third));
});

test('views have titles and headings; the focus goes with them; the menu closes', async (t) => {
  const { page } = await visit(t, { options: SLOW });
  await connection(page, 'Live').waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '');
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'BODY');
  for (const name of ['Batches', 'Logs', 'Health', 'Plant']) {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
    await until('the title', async () => (await page.title()) === `${name} · battery-twin`);
    await until('the focus', async () => (await focused()) === name);
  }
  await page.goto(`${page.url().split('#')[0]}#/nowhere/at/all`);
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
  await page.getByRole('main').getByRole('link', { name: 'plant' }).click();
  await page.getByRole('heading', { level: 1, name: 'Plant' }).waitFor();

  const display = page.getByText('Display', { exact: true });
  const dark = page.getByRole('radio', { name: 'dark' });
  await display.click();
  await dark.check({ force: true });
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'dark');
  await page.keyboard.press('Escape');
  await dark.waitFor({ state: 'hidden' });
  await until('the focus goes back', async () => (await focused()) === 'Display');
  await page.keyboard.press('Enter');
  await dark.waitFor();
  await page.getByRole('heading', { level: 1 }).click();
  await dark.waitFor({ state: 'hidden' });
  await page.reload();
  await connection(page, 'Live').waitFor();
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'dark');
});

test('below a path of its own, behind a proxy that leaves the path', async (t) => {
  const server = await serve(t, { options: [...FAST, '--root-path', '/twin'] });
  const page = await open(t, server, { root: '/twin', at: 'logs' });
  await connection(page, 'Live').waitFor();
  await page.getByRole('link', { name: 'Plant' }).click();
  await page.getByRole('button', { name: 'Start with current settings' }).click();
  await page.getByRole('link', { name: 'Logs' }).click();
  await page.getByRole('listitem').filter({ hasText: 'Batch 1 completed' }).last().waitFor();
  assert.equal(await page.getByRole('link', { name: 'API' }).getAttribute('href'), `${server.url}/twin/docs`);
  assert.match(page.url(), /\/twin\/#\/logs$/);
});
