// A server with access tokens (--token-file): the page asks for one, and then goes on as it was.
//
//   BATTERY_TWIN_TEST_BINARY=build/release/battery-twin node --test tests/dashboard/token.test.mjs
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { closeBrowser, connection, NARROW, open, screenshot, serve, until, WIDE } from './browser.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const OPERATOR = 'operator-0123456789';
const READER = 'reader-0123456789~+/=';

// Chromium complains of each 401 and 403, and of a WebSocket that is refused.
const allowed = /status of 40[13] |WebSocket connection to .* failed/;

after(closeBrowser);

// A server whose token file can be changed.
async function guarded(t, text = `operator ${OPERATOR}\nread ${READER}\n`) {
  const folder = mkdtempSync(join(tmpdir(), 'battery-twin-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'tokens');
  const write = (words) => {
    writeFileSync(`${file}.new`, words, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  write(text);
  const server = await serve(t, { options: ['--token-file', file, '--step-interval', '10'] });
  const change = async (words) => {
    const before = server.log.length;
    write(words);
    process.kill(server.pid, 'SIGHUP');
    await until('the tokens are read again', () => server.log.slice(before).includes('read again: token-file'));
  };
  return { server, change };
}

const form = (page) => page.getByRole('region', { name: 'The server asks for an access token' });
const field = (page) => form(page).getByLabel('Access token');

async function enter(page, token, { remember = false } = {}) {
  await field(page).fill(token);
  if (remember) await form(page).getByLabel('Remember on this computer').check();
  await form(page).getByRole('button', { name: 'Continue' }).click();
}

async function askAs(server, token, method, path, body) {
  const response = await fetch(server.url + path, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.json();
}

test('the page asks, says no to a wrong token, and goes on with a right one', async (t) => {
  const { server } = await guarded(t);
  const page = await open(t, server, { allowed });
  await field(page).waitFor();
  assert.equal(await field(page).evaluate((one) => one === document.activeElement), true, 'the field has the focus');
  assert.equal(await field(page).getAttribute('type'), 'password');
  assert.equal(await page.getByRole('alert').filter({ hasText: 'connection to the server is lost' }).count(), 0);

  for (const wrong of ['wrong-0123456789', 'no token at all', 'ä']) {
    await enter(page, wrong);
    await form(page).getByText('The server does not know this token.').waitFor();
    assert.equal(await field(page).getAttribute('aria-invalid'), 'true');
  }
  await enter(page, OPERATOR);
  await connection(page, 'Live').waitFor();
  assert.equal(await form(page).count(), 0);

  // Live events come by the WebSocket.
  await askAs(server, OPERATOR, 'POST', '/factory/start', { id: 'from-outside' });
  await page.getByRole('link', { name: /from-outside/ }).first().waitFor();

  // An operator changes things.
  await page.goto(`${server.url}/#/batches?start=1`);
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Start the batch' }).click();
  await page.getByText(/Batch 1\b.*accepted/).first().waitFor();

  // A file needs the token, too.
  await page.goto(`${server.url}/#/batches/from-outside`);
  const link = page.getByRole('link', { name: 'This batch as JSON' });
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
  assert.equal(download.suggestedFilename(), 'from-outside.json');
  assert.equal(JSON.parse(await readFile(await download.path(), 'utf8')).batch_id, 'from-outside');
});

test('the token stays with the tab, or with the computer, or is forgotten', async (t) => {
  const { server } = await guarded(t);
  const page = await open(t, server, { allowed });
  await enter(page, READER);
  await connection(page, 'Live').waitFor();
  await page.reload();
  await connection(page, 'Live').waitFor();
  const other = await page.context().newPage();
  await other.goto(server.url);
  await field(other).waitFor();
  await enter(other, OPERATOR, { remember: true });
  await connection(other, 'Live').waitFor();
  await other.close();
  const third = await page.context().newPage();
  await third.goto(server.url);
  await connection(third, 'Live').waitFor();
  await third.getByText('Display', { exact: true }).click();
  await third.getByRole('button', { name: 'Forget the access token' }).click();
  await field(third).waitFor();
  await third.reload();
  await field(third).waitFor();
  await third.close();
});

test('with a read-only token everything is seen, and a change is refused with a reason', async (t) => {
  const { server } = await guarded(t);
  const page = await open(t, server, { allowed, at: 'batches?start=1' });
  await enter(page, READER);
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Start the batch' }).click();
  await dialog.getByText(/read-only/).first().waitFor();
  const status = await askAs(server, READER, 'GET', '/factory/status');
  assert.equal(status.counters.accepted, 0);
});

test('a token that is taken away is asked for again, and what was on the page stays', async (t) => {
  const { server, change } = await guarded(t);
  const page = await open(t, server, { allowed, at: 'logs' });
  await enter(page, READER);
  await connection(page, 'Live').waitFor();
  const search = page.getByRole('searchbox').first();
  await search.fill('kept');

  await change(`operator ${OPERATOR}\n`);
  await form(page).getByText('no longer good').waitFor();
  assert.equal(await search.inputValue(), 'kept');
  await enter(page, OPERATOR);
  await connection(page, 'Live').waitFor();
  assert.equal(await form(page).count(), 0);
  assert.equal(await search.inputValue(), 'kept');
});

test('the form is for everybody: axe-core, light and dark, wide and narrow', async (t) => {
  const { server, change } = await guarded(t);
  for (const colours of ['light', 'dark']) {
    for (const size of [WIDE, NARROW]) {
      const name = `token-${colours}-${size.width}`;
      const page = await open(t, server, { allowed, colours, size });
      await enter(page, 'wrong-0123456789');
      await form(page).getByText('The server does not know this token.').waitFor();
      await checked(page, name);
      await enter(page, READER);
      await connection(page, 'Live').waitFor();
      // Above a page that was there before.
      await change(`operator ${OPERATOR}\n`);
      await form(page).getByText('no longer good').waitFor();
      await checked(page, `${name}-again`);
      await change(`operator ${OPERATOR}\nread ${READER}\n`);
      await page.context().close();
    }
  }
});

async function checked(page, name) {
  await screenshot(page, name);
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  assert.deepEqual(
    violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]),
    [],
    name,
  );
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0, `${name}: wider than the window`);
}
