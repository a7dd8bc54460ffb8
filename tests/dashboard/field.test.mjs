// A front end like the one in the field, from a port of its own: fetch and a WebSocket, as it uses the Python server.
//   BATTERY_TWIN_TEST_BINARY=$PWD/build/release/battery-twin node --test tests/dashboard/field.test.mjs
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import test, { after } from 'node:test';
import { ask, closeBrowser, open, refused, serve, until } from './browser.mjs';

after(closeBrowser);

// What the front end does with each of its buttons, and what it shows.
function frontEnd(api) {
  return `<!doctype html>
<html lang="en">
<title>Front end</title>
<link rel="icon" href="data:,">
<button>Validate</button> <button>Update</button> <button>Start</button> <button>State</button> <button>Reset</button>
<label>Gap height <input value="0.0003"></label>
<pre id="answer"></pre>
<ol id="events"></ol>
<script>
  const api = ${JSON.stringify(api)};
  const form = () => ({ stage: 'Anode Coating', parameters: {
    'Coating Speed': 0.05, 'Gap Height': document.querySelector('input').value, 'Flow Rate': 0.000004, 'Coating Width': 0.5 } });
  const ask = (method, path, body) => fetch(api + path, body === undefined ? { method }
    : { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  const does = {
    Validate: () => ask('POST', '/api/parameters/validate', form()),
    Update: () => ask('POST', '/api/parameters/update', form()),
    Start: () => ask('POST', '/api/simulation/start'),
    State: () => ask('GET', '/api/simulation/state'),
    Reset: () => ask('POST', '/api/simulation/reset'),
  };
  for (const button of document.querySelectorAll('button')) {
    button.onclick = async () => {
      const response = await does[button.textContent]();
      document.querySelector('#answer').textContent = response.status + ' ' + JSON.stringify(await response.json());
    };
  }
  const socket = new WebSocket(api.replace('http', 'ws') + '/ws/status');
  socket.onmessage = ({ data }) => {
    const { process_name, status, timestamp, data: { batch_id, message } } = JSON.parse(data);
    const item = document.createElement('li');
    item.textContent = [process_name, status, timestamp, batch_id, message].join('|');
    document.querySelector('#events').append(item);
  };
</script>
</html>`;
}

async function serveFrontEnd(t, api) {
  const server = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end(frontEnd(api)));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  t.after(() => server.close());
  return { url: `http://localhost:${server.address().port}` };
}

test('validate, update, start, all events of a batch, reset', async (t) => {
  const server = await serve(t, { options: ['--step-interval', '0'] });
  const page = await open(t, await serveFrontEnd(t, server.url), { allowed: refused(400) });
  const answerTo = async (button) => {
    await page.locator('#answer').evaluate((it) => (it.textContent = ''));
    await page.getByRole('button', { name: button }).click();
    const text = await until(`an answer to ${button}`, () => page.locator('#answer').textContent());
    return { status: Number(text.slice(0, 3)), ...JSON.parse(text.slice(4)) };
  };
  const gap = page.getByLabel('Gap height');

  await gap.fill('wide');
  const wrong = await answerTo('Validate');
  assert.equal(wrong.status, 200);
  assert.deepEqual([wrong.success, wrong.error_code], [false, 'VALIDATION_FAILED']);
  const refusal = await answerTo('Update');
  assert.equal(refusal.status, 400);
  assert.equal(refusal.detail.success, false);
  await gap.fill('0.0003');
  const valid = await answerTo('Validate');
  assert.deepEqual(valid.data, { valid: true, line_type: 'anode', machine_id: 'coating' });
  const updated = await answerTo('Update');
  assert.deepEqual([updated.status, updated.success, updated.data.stage], [200, true, 'Anode Coating']);
  const machine = await ask(server, 'GET', '/machine/anode/coating/status');
  assert.equal(machine.machine_parameters.gap_height, 0.0003);

  const started = await answerTo('Start');
  assert.deepEqual([started.status, started.success, started.batch_id], [200, true, '1']);
  const rows = () => page.locator('#events li').allTextContents();
  await until('the end of the batch', async () => (await rows()).some((row) => row.split('|')[1] === 'batch_completed'));
  // Every life-cycle event, in the words and the order of the server's log.
  const { logs } = await ask(server, 'GET', '/factory/logs?limit=1000');
  const shown = (await rows()).filter((row) => row.split('|')[1] !== 'batch_progress');
  assert.deepEqual(
    shown.map((row) => [row.split('|')[1], row.split('|')[4]]),
    logs.map(({ event, message }) => [event, message]),
  );
  assert.ok(shown.every((row) => row.split('|').every((part) => part !== 'undefined')));

  const state = await answerTo('State');
  assert.equal(state.data.machine_statuses.length, Object.values((await ask(server, 'GET', '/factory/status')).lines)
    .reduce((sum, line) => sum + Object.keys(line).length, 0));
  const reset = await answerTo('Reset');
  assert.deepEqual([reset.status, reset.success], [200, true]);
  const back = await ask(server, 'GET', '/machine/anode/coating/status');
  assert.equal(back.machine_parameters.gap_height, 0.00025);
});
