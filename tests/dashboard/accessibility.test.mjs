// Every view for everybody: axe-core's rules in light and dark, wide and narrow windows, and the keyboard alone.
//
//   BATTERY_TWIN_TEST_BINARY=build/release/battery-twin node --test tests/dashboard/accessibility.test.mjs
//   SCREENSHOTS=FOLDER … keeps a picture of every view in every colour and size
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test, { after, before } from 'node:test';
import { ask, closeBrowser, connection, NARROW, open, optionsOf, refused, screenshot, told, until, visit, WIDE } from './browser.mjs';
import { TwinServer } from './server.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// All views show the same plant, which stands still: batches that are done, scrap, cancelled, at work and waiting.
let server;
before(async () => {
  server = await TwinServer.start({ options: optionsOf(['--step-interval', '0', '--seed', '1']) });
  const powder = { AM: 0.8, CA: 0.1, PVDF: 0.05, solvent: 0.05 };
  await ask(server, 'POST', '/factory/start', { id: 'good', cathode_coating_params: { gap_height: 210e-6 } });
  await ask(server, 'POST', '/factory/start', { id: 'scrap', anode_mixing_params: { material_ratios: powder } });
  for (const id of ['good', 'scrap']) await told(server, id);
  await ask(server, 'PATCH', '/factory/pacing', { step_interval_ms: 5 });
  for (const id of ['at-work', 'waits', 'cancelled']) await ask(server, 'POST', '/factory/start', { id });
  await ask(server, 'DELETE', '/batches/cancelled');
  await until('coating', async () => (await ask(server, 'GET', '/machine/anode/coating/status')).duration > 20);
  await ask(server, 'PATCH', '/factory/pacing', { paused: true });
});
after(async () => {
  await closeBrowser();
  await server?.close();
});

const views = [
  { name: 'plant', at: 'plant', ready: (page) => page.getByRole('link', { name: /at-work/ }).first() },
  {
    name: 'machine',
    at: 'plant?machine=coating_anode',
    ready: (page) => page.getByRole('dialog', { name: 'Coating anode' }).getByRole('button', { name: 'Apply' }),
  },
  {
    name: 'ratios',
    at: 'plant?machine=mixing_cathode',
    ready: (page) => page.getByRole('dialog', { name: 'Mixing cathode' }).getByText(/^\s*Sum/),
  },
  { name: 'batches', at: 'batches', ready: (page) => page.getByRole('row', { name: /cancelled/ }) },
  {
    name: 'start',
    at: 'batches?start=1',
    allowed: refused(400),
    ready: (page) => page.getByRole('button', { name: 'Start the batch' }),
    async then(page) {
      // Some of the form open, and refused.
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Find a parameter').fill('gap height');
      await dialog.getByRole('group', { name: 'Coating anode' }).getByRole('textbox', { name: /^Gap height/ }).fill('-5');
      await dialog.getByRole('button', { name: 'Start the batch' }).click();
      await dialog.locator('[aria-invalid=true]').waitFor();
      await dialog.getByText('Request').click();
    },
  },
  {
    name: 'duplicate',
    at: 'batches?start=1&from=scrap',
    ready: (page) => page.getByRole('button', { name: 'Start the batch' }),
  },
  { name: 'batch', at: 'batches/good', ready: (page) => page.getByText('completed', { exact: true }).first() },
  { name: 'batch-scrap', at: 'batches/scrap', ready: (page) => page.getByText('completed', { exact: true }).first() },
  { name: 'batch-at-work', at: 'batches/at-work', ready: (page) => page.getByText('running', { exact: true }).first() },
  { name: 'batch-unknown', at: 'batches/unknown', allowed: refused(404), ready: (page) => page.getByText('There is no batch with this id.') },
  { name: 'compare', at: 'batches?compare=good,scrap,at-work', ready: (page) => page.getByRole('heading', { level: 1 }) },
  { name: 'logs', at: 'logs', ready: (page) => page.getByRole('listitem').last() },
  { name: 'health', at: 'health', ready: (page) => page.getByText('healthy') },
  {
    name: 'reset',
    at: 'health',
    ready: (page) => page.getByText('healthy'),
    async then(page) {
      await page.getByRole('button', { name: 'Reset the factory' }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'display',
    at: 'nowhere',
    ready: (page) => page.getByRole('heading', { name: 'There is no such page' }),
    then: (page) => page.getByText('Display', { exact: true }).click(),
  },
];

// What axe-core has to say, of all its rules or of these.
async function violations(page, rules = null) {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
  const found = await page.evaluate(
    (values) => globalThis.axe.run({ resultTypes: ['violations'], ...(values ? { runOnly: { type: 'rule', values } } : {}) }),
    rules,
  );
  return found.violations.map(({ id, help, nodes }) => {
    const where = nodes.slice(0, 3).map(({ html }) => html.slice(0, 200));
    return `${id}: ${help}:\n  ${where.join('\n  ')}`;
  });
}

test('axe-core would find something', async (t) => {
  const page = await open(t, server, { at: 'health' });
  await page.getByText('healthy').waitFor();
  await page.getByRole('heading', { name: 'Server' }).evaluate((it) => {
    it.style.color = '#888';
    it.after(document.createElement('button'));
  });
  assert.deepEqual((await violations(page)).map((text) => text.split(':')[0]), ['button-name', 'color-contrast']);
  assert.equal((await violations(page, ['color-contrast'])).length, 1);
});

for (const { name, at, allowed, ready, then } of views) {
  test(`${name}: axe-core finds nothing, and nothing is wider than the window`, async (t) => {
    const page = await open(t, server, { at, allowed });
    await connection(page, 'Live, paused').waitFor();
    await ready(page).waitFor();
    await then?.(page);
    for (const [size, window] of [['wide', WIDE], ['narrow', NARROW]]) {
      await page.setViewportSize(window);
      for (const colours of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme: colours });
        // What follows a change of size and colours is drawn.
        await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
        await screenshot(page, `${name}-${size}-${colours}`);
        // In other colours only the contrast can differ.
        assert.deepEqual(await violations(page, colours === 'dark' ? ['color-contrast'] : null), [], `${size}, ${colours}`);
      }
      const [left, right] = await page.locator('header.top *:visible').evaluateAll((all) => {
        const boxes = all.map((it) => it.getBoundingClientRect()).filter(({ width }) => width > 1);
        return [Math.min(...boxes.map((box) => box.left)), Math.max(...boxes.map((box) => box.right))];
      });
      assert.ok(left >= 0 && right <= window.width, `the header goes from ${left} to ${right}`);
      const width = await page.evaluate(() => Math.max(
        document.documentElement.scrollWidth,
        ...[...document.querySelectorAll('dialog[open]')].map((dialog) => dialog.scrollWidth),
      ));
      assert.ok(width <= window.width, `${width} pixels wide in a window of ${window.width}`);
    }
  });
}

test('with the keyboard alone: a machine is set, a batch is started and found in the log', async (t) => {
  const { server: own, page } = await visit(t, { options: ['--step-interval', '0'] });
  await connection(page, 'Live').waitFor();
  await page.getByRole('link', { name: /^Drying cathode/ }).waitFor();
  const here = () => page.evaluate(() => {
    const it = document.activeElement;
    const label = it?.labels?.[0]?.textContent ?? it?.getAttribute('aria-label') ?? it?.textContent ?? '';
    return label.replace(/\s+/g, ' ').trim();
  });
  // Tab until that has the focus, which must be seen.
  const tabTo = async (pattern) => {
    for (let i = 0; i < 120; ++i) {
      await page.keyboard.press('Tab');
      if (!pattern.test(await here())) continue;
      const visible = await page.evaluate(() => {
        const it = document.activeElement;
        const { outlineStyle, outlineWidth } = getComputedStyle(it);
        const { top, bottom } = it.getBoundingClientRect();
        const outlined = it.matches(':focus-visible') && outlineStyle !== 'none' && outlineWidth !== '0px';
        return outlined && bottom > 0 && top < innerHeight;
      });
      assert.ok(visible, `the focus on ${await here()} cannot be seen`);
      return;
    }
    assert.fail(`Tab does not lead to ${pattern}`);
  };

  await tabTo(/^Skip to the content/);
  await page.keyboard.press('Enter');
  await tabTo(/^Drying cathode/);
  await page.keyboard.press('Enter');
  const drawer = page.getByRole('dialog', { name: 'Drying cathode' });
  await drawer.getByRole('button', { name: 'Apply' }).waitFor();
  await tabTo(/^Web speed/);
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type('0.04');
  await tabTo(/^Apply$/);
  await page.keyboard.press('Enter');
  await drawer.getByText('They apply now.').waitFor();
  assert.equal((await ask(own, 'GET', '/machine/cathode/drying/status')).machine_parameters.web_speed, 0.04);
  await page.keyboard.press('Escape');
  await drawer.waitFor({ state: 'hidden' });
  await until('the focus is back where it was', async () => /^Drying cathode/.test(await here()));

  await tabTo(/^Start a batch$/);
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Start a batch' });
  await dialog.getByRole('button', { name: 'Start the batch' }).waitFor();
  if (!/^Id/.test(await here())) await tabTo(/^Id/);
  await page.keyboard.type('by-keys');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'hidden' });
  await told(own, 'by-keys');

  await tabTo(/^Logs$/);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Logs' }).waitFor();
  await tabTo(/^Batch$/);
  await page.keyboard.type('by-keys');
  await tabTo(/^Events$/);
  await page.getByRole('listitem').filter({ hasText: 'Batch by-keys completed' }).last().waitFor();
});
