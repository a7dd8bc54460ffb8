// /openapi.json and /asyncapi.json say the same as the server, by the word of tools that others made: Ajv and Redocly.
//
//   BATTERY_TWIN_TEST_BINARY=build/release/battery-twin node --test tests/dashboard/schema.test.mjs
//   BATTERY_TWIN_TEST_SEED=7 BATTERY_TWIN_TEST_BODIES=5000 …   other bodies, and more of them
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { BodyMaker, NOT_JSON, Random, TWICE } from './bodies.mjs';
import { Client, Document, asText, partsOf } from './contract.mjs';
import { RATIOS, Rules } from './rules.mjs';
import { TwinServer } from './server.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const SEED = Number(process.env.BATTERY_TWIN_TEST_SEED ?? 1);
const BODIES = Number(process.env.BATTERY_TWIN_TEST_BODIES ?? 250); // good and bad ones of each route and machine
const MODELS = { mechanistic: [], reference: ['--max-steps', '2000'] };

console.log(`BATTERY_TWIN_TEST_SEED=${SEED}`);

// A server for one test, and a client that holds every answer against the server's own document.
async function serve(t, settings, then) {
  const server = await TwinServer.start(settings);
  const client = await Client.of(server).catch(async (error) => {
    await server.close();
    throw error;
  });
  t.after(async () => {
    client.close();
    await server.close();
  });
  await then(client, server);
}

const paused = (client) => client.ask('PATCH', '/factory/pacing', '{"paused": true}');
const reset = (client) => client.ask('POST', '/factory/reset');

// Those of the Python front end answer with other codes, and have a test of their own.
const isCompat = (operation) => operation.tags.includes('compat');

// The native routes that take a body; that of the machines' parameters once for each machine.
function routesWithBodies({ json }) {
  const routes = [];
  for (const [path, operations] of Object.entries(json.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const reference = operation.requestBody?.content['application/json'].schema.$ref;
      if (!reference || isCompat(operation)) continue;
      const name = reference.split('/').pop();
      if (name !== 'ParametersChange') {
        routes.push({ method: method.toUpperCase(), path, name });
        continue;
      }
      for (const group of json.components.schemas.ParametersChange.anyOf) {
        const { title } = json.components.schemas[group.$ref.split('/').pop()];
        const [, machine, line] = /^(.*)_([a-z]+)$/.exec(title);
        const machinePath = path.replace('{line_type}', line).replace('{machine_id}', machine);
        routes.push({ method: method.toUpperCase(), path: machinePath, name: group.$ref.split('/').pop(), line, machine });
      }
    }
  }
  return routes;
}

// Sends bodies to one route and compares the verdicts.
class Judge {
  verdicts = { accepted: 0, forbidden: 0, 'against words': 0 };
  #client;
  #route;
  #rules;
  #validate;
  #settings;

  constructor(client, route, rules, settings) {
    this.#client = client;
    this.#route = route;
    this.#rules = rules;
    this.#settings = settings;
    this.#validate = client.contract.validator('components', 'schemas', route.name);
  }

  async compare(text) {
    const { method, path } = this.#route;
    const body = JSON.parse(text);
    const answer = await this.#client.ask(method, path, text);
    const told = () =>
      `${method} ${path}\nbody:   ${text.slice(0, 3000)}\najv:    ${asText(this.#validate.errors) || 'good'}\n` +
      `server: ${answer.status} ${answer.text.slice(0, 3000)}`;
    if (!this.#validate(body)) {
      this.verdicts.forbidden += 1;
      assert.equal(answer.status, 400, `only the schema forbids it\n${told()}`);
      assert.ok(Array.isArray(answer.body.detail), `no list of what is wrong\n${told()}`);
      return;
    }
    const broken = this.#broken(body);
    if (answer.status === 400 && (broken.length > 0 || broken.unclear)) {
      this.verdicts['against words'] += 1;
      if (broken.unclear) return;
      const said = answer.body.detail.map(({ type, loc }) => ({ type, loc }));
      const expected = broken.map((loc) => ({ type: 'value_error', loc }));
      assert.deepEqual(sorted(said), sorted(expected), `another rule than those in words\n${told()}`);
      return;
    }
    assert.equal(broken.length, 0, `against what the document says in words: ${JSON.stringify(broken)}\n${told()}`);
    this.verdicts.accepted += 1;
    assert.equal(answer.status, 200, `only the server refuses it\n${told()}`);
    await this.#afterwards(answer);
  }

  #broken(body) {
    const found = [];
    const { name } = this.#route;
    if (name === 'SimulationRequest') {
      for (const line of ['anode', 'cathode']) this.#rules.ofRatios(body[line], null, ['body', line], found);
    } else if (name === 'BatchRequest') {
      for (const [group, given] of Object.entries(body))
        if (this.#settings[group]) this.#rules.ofGroup(group, given, this.#settings[group], ['body', group], found);
    } else if (this.#route.machine) {
      this.#rules.ofGroup(name, body, this.#settings[name], ['body'], found);
    }
    return found;
  }

  // So that the next body is judged by what the route is for, and not by what this one has left behind.
  async #afterwards(answer) {
    const { name, machine } = this.#route;
    if (name === 'SimulationRequest') await reset(this.#client);
    if (machine) this.#settings[name] = answer.body.machine_parameters;
  }
}

const sorted = (list) => list.map((one) => JSON.stringify(one)).sort();

// What the machines are set to, by group.
async function settingsOf(client, routes) {
  const settings = {};
  for (const { machine, line, name } of routes.filter((route) => route.machine))
    settings[name] = (await client.ask('GET', `/machine/${line}/${machine}/status`)).body.machine_parameters;
  return settings;
}

test('the documents hold no schema that Ajv in strict mode finds fault with', async (t) => {
  await serve(t, { database: 'none' }, async (client) => {
    const messages = new Document((await client.ask('GET', '/asyncapi.json')).body);
    for (const document of [client.contract, messages]) {
      for (const name of Object.keys(document.json.components.schemas)) document.compile('components', 'schemas', name);
    }
    for (const name of Object.keys(messages.json.components.messages))
      messages.compile('components', 'messages', name, 'payload');
    for (const [path, operations] of Object.entries(client.contract.json.paths)) {
      for (const [index] of (operations.get?.parameters ?? []).entries())
        client.contract.compile('paths', path, 'get', 'parameters', String(index), 'schema');
    }
  });
});

for (const [models, options] of Object.entries(MODELS)) {
  test(`bodies get the same verdict from Ajv and from the server (${models})`, async (t) => {
    const settings = { database: 'none', options: ['--models', models, '--queue-limit', '100000', ...options] };
    await serve(t, settings, async (client) => {
      const { contract } = client;
      await paused(client);
      const routes = routesWithBodies(contract);
      const { lines } = (await client.ask('GET', '/factory/status')).body;
      const machines = Object.values(lines).reduce((sum, line) => sum + Object.keys(line).length, 0);
      assert.equal(routes.filter((route) => route.machine).length, machines, 'a route for every machine');
      assert.equal(routes.length, machines + 3);
      const rules = new Rules(contract, models);
      assert.deepEqual(rules.fieldsOfSteps().sort(), rules.formulas().sort());
      for (const [number, route] of routes.entries()) {
        await reset(client);
        const judge = new Judge(client, route, rules, await settingsOf(client, routes));
        const schema = contract.json.components.schemas[route.name];
        const maker = new BodyMaker(contract, new Random(1000 * SEED + number));
        for (const body of maker.fields(schema)) await judge.compare(maker.write(body));
        for (let i = 0; i < BODIES; ++i)
          await judge.compare(maker.write(i % 3 === 0 ? maker.good(schema) : maker.bad(schema)));
        t.diagnostic(`${route.path} ${JSON.stringify(judge.verdicts)}`);
        assert.ok(judge.verdicts.accepted > BODIES / 20, `too few good bodies for ${route.path}`);
        assert.ok(judge.verdicts.forbidden > BODIES / 10, `too few bad bodies for ${route.path}`);
      }
      for (const rule of ['sum', ...rules.formulas().map((name) => `steps by ${name}`)])
        assert.ok(rules.used.get(rule) > 0, `no body broke the rule: ${rule}`);
    });
  });
}

test('what is not JSON is refused everywhere', async (t) => {
  await serve(t, { database: 'none' }, async (client) => {
    for (const { method, path } of routesWithBodies(client.contract)) {
      for (const [texts, type] of [[NOT_JSON, 'json_invalid'], [TWICE, 'duplicate_key']]) {
        for (const text of texts) {
          const answer = await client.ask(method, path, text);
          assert.equal(answer.status, 400, `${method} ${path} ${text}`);
          assert.equal(answer.body.detail[0].type, type, `${method} ${path} ${text}\n${answer.text}`);
        }
      }
    }
    assert.match(client.contract.json.info.description, /key that is given twice/);
  });
});

// A value of a query as JSON sees it, by the schema's type.
const asSent = (schema, text) => (schema.type === 'integer' && /^-?(0|[1-9]\d*)$/.test(text) ? Number(text) : text);

test('queries get the same verdict from Ajv and from the server', async (t) => {
  await serve(t, {}, async (client) => {
    const { contract } = client;
    await paused(client);
    await client.ask('POST', '/factory/start', '{"id": "x"}');
    const verdicts = { accepted: 0, forbidden: 0 };
    for (const [path, operations] of Object.entries(contract.json.paths)) {
      for (const [index, parameter] of (operations.get?.parameters ?? []).entries()) {
        if (parameter.in !== 'query') continue;
        const { schema, name } = parameter;
        const validate = contract.validator('paths', path, 'get', 'parameters', String(index), 'schema');
        const bounds = ['minimum', 'maximum'].filter((keyword) => keyword in schema).map((keyword) => schema[keyword]);
        const values = ['x', '-1', '0', '1', '1.5', 'true', '99999999999999999999', 'ANODE', ' 1', '1 ', '', 'null',
          ...(schema.enum ?? []), ...bounds.flatMap((bound) => [bound - 1, bound, bound + 1].map(String))];
        for (const value of name === 'after' ? ['x'] : values) {
          const target = `${path.replace('{id}', 'x')}?${name}=${encodeURIComponent(value)}`;
          const answer = await client.ask('GET', target);
          const good = validate(asSent(schema, value));
          verdicts[good ? 'accepted' : 'forbidden'] += 1;
          assert.equal(answer.status, good ? 200 : 400, `${target}\najv: ${asText(validate.errors)}\n${answer.text}`);
        }
      }
    }
    t.diagnostic(JSON.stringify(verdicts));
    assert.ok(verdicts.accepted > 30 && verdicts.forbidden > 30);
  });
});

// What the server says of a body that a route of the Python front end took: good, forbidden by the schema (422, or a
// type error), or wrong in what no schema says.
function compatVerdict({ status, body }) {
  if (status === 200) return body.success ? 'good' : 'wrong';
  assert.ok(status === 400 || status === 422, JSON.stringify(body));
  if (status === 422) return 'forbidden';
  const code = body.detail.error_code;
  return code === 'MACHINE_PARAMETER_TYPE_ERROR' || code === 'MISSING_STAGE' ? 'forbidden' : 'wrong';
}

test('bodies of the Python front end get the same verdict from Ajv and from the server', async (t) => {
  await serve(t, { database: 'none', options: ['--queue-limit', '100000'] }, async (client) => {
    const { contract } = client;
    const { paths } = contract.json;
    await paused(client);
    const machines = routesWithBodies(contract).filter(({ machine }) => machine);
    const routes = [];
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        if (!isCompat(operation) || !operation.requestBody) continue;
        const name = operation.requestBody.content['application/json'].schema.$ref.split('/').pop();
        if (name !== 'CompatParameters') routes.push({ method: method.toUpperCase(), path, name });
        else
          for (const { line, machine } of machines)
            routes.push({ method: method.toUpperCase(), name: `compat_${machine}_request`,
              path: path.replace('{line_type}', line).replace('{machine_id}', machine) });
      }
    }
    assert.ok(machines.length >= 16, 'those of the Python server at least');
    assert.equal(routes.length, 3 + machines.length, 'three routes and the machines');
    for (const [number, { method, path, name }] of routes.entries()) {
      const schema = contract.json.components.schemas[name];
      const validate = contract.validator('components', 'schemas', name);
      const maker = new BodyMaker(contract, new Random(2000 * SEED + number));
      const verdicts = { good: 0, forbidden: 0, wrong: 0 };
      const compare = async (text) => {
        const body = JSON.parse(text);
        const isNear = (bound) => body?.temperature !== bound && Math.abs(body?.temperature - bound) < 1e-9;
        if ([-73.15, 326.85].some(isNear)) return; // it is the bound once it is in kelvin
        const answer = await client.ask(method, path, text);
        const verdict = compatVerdict(answer);
        const isGood = validate(body) && !text.includes('1e400');
        verdicts[verdict] += 1;
        const told = `${method} ${path}\nbody: ${text.slice(0, 1000)}\najv: ${asText(validate.errors) || 'good'}\n${answer.text}`;
        // Ranges are in the schema of a machine, and not in that of a form, whose labels it does not have; sums are in none.
        if (isGood) assert.notEqual(verdict, 'forbidden', `only the server refuses it\n${told}`);
        else if (name !== 'CompatForm') assert.notEqual(verdict, 'good', `only the schema forbids it\n${told}`);
        // What stands under another stage's label is not looked at.
        else if (verdict === 'good') assert.ok(validate.errors.every((error) => error.instancePath.startsWith('/parameters/')), told);
        if (isGood && verdict === 'wrong')
          assert.match(answer.text, /must sum to 1|would run for more|VALIDATION_FAILED|PARAMETER_VALUE_ERROR/, told);
      };
      for (const body of maker.fields(schema)) await compare(maker.write(body));
      for (let i = 0; i < BODIES / 2; ++i) await compare(maker.write(i % 3 === 0 ? maker.good(schema) : maker.bad(schema)));
      t.diagnostic(`${path} ${JSON.stringify(verdicts)}`);
      assert.ok(verdicts.good > BODIES / 50, `too few good bodies for ${path}`);
      assert.ok(verdicts.forbidden > BODIES / 50, `too few bad bodies for ${path}`);
    }
  });
});

// The bodies of the README's curl lines.
const readmeBodies = () =>
  [...readFileSync(join(HERE, '../../README.md'), 'utf8').matchAll(/-d '([^']*)'/g)].map(([, text]) => text);

test("the document's examples are the README's bodies, and good", async (t) => {
  await serve(t, { database: 'none' }, async (client) => {
    const { contract } = client;
    const examples = [];
    for (const { method, path, name, machine } of routesWithBodies(contract)) {
      const { content } = contract.json.paths[contract.pathOf(path)][method.toLowerCase()].requestBody;
      for (const { value } of Object.values(content['application/json'].examples)) {
        examples.push(value);
        const whole = contract.validator(...partsOf(content['application/json'].schema.$ref));
        assert.ok(whole(value), `${path} ${JSON.stringify(value)}\n${asText(whole.errors)}`);
        const good = contract.validator('components', 'schemas', name)(value);
        assert.ok(good || machine, path); // of the machines each example fits some
        const answer = await client.ask(method, path, JSON.stringify(value));
        assert.equal(answer.status, good ? 200 : 400, `${path} ${JSON.stringify(value)}\n${answer.text}`);
        if (!machine) await reset(client);
      }
    }
    const bodies = readmeBodies();
    assert.ok(bodies.length >= 4, `only ${bodies.length} bodies were found in the README`);
    for (const text of bodies)
      assert.ok(examples.some((example) => JSON.stringify(example) === JSON.stringify(JSON.parse(text))), text);
  });
});

// A WebSocket client that keeps what it was sent.
class Listener {
  messages = [];
  texts = [];
  #socket;
  #wake = () => {};

  static async to(server, query) {
    const listener = new Listener();
    listener.#socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws/status?${query}`);
    listener.#socket.on('message', (data) => {
      const text = String(data);
      if (text.startsWith('Echo: ')) listener.texts.push(text);
      else listener.messages.push(JSON.parse(text));
      listener.#wake();
    });
    await new Promise((resolve, reject) => listener.#socket.once('open', resolve).once('error', reject));
    return listener;
  }

  send(text) {
    this.#socket.send(text);
  }

  // Waits until a message is there that fits, among those from `from` on.
  async until(fits, from = 0) {
    for (const end = Date.now() + 20_000; Date.now() < end; ) {
      const found = this.messages.slice(from).find(fits);
      if (found) return found;
      await new Promise((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 1000).unref();
      });
    }
    throw new Error(`no such message among ${this.messages.length}`);
  }

  close() {
    this.#socket.terminate();
  }
}

for (const [models, options] of Object.entries(MODELS)) {
  test(`messages of whole batches are as /asyncapi.json has them (${models})`, async (t) => {
    const settings = { options: ['--models', models, '--step-interval', '20', ...options] };
    await serve(t, settings, async (client, server) => {
      const document = new Document((await client.ask('GET', '/asyncapi.json')).body);
      const listener = await Listener.to(server, 'telemetry=1&replay=0');
      t.after(() => listener.close());
      await client.ask('POST', '/factory/start', '{"id": "whole", "anode_coating_params": {"gap_height": 3e-4}}');
      await listener.until(({ status }) => status === 'batch_progress');
      await client.ask('PATCH', '/factory/pacing', '{"step_interval_ms": 0}');
      await listener.until(({ status }) => status === 'batch_completed');
      await client.ask('PATCH', '/machine/anode/coating/parameters', '{"coating_speed": 9}');
      await paused(client);
      await client.ask('POST', '/factory/start', '{"id": "cancelled"}');
      await client.ask('DELETE', '/batches/cancelled');
      await listener.until(({ status }) => status === 'batch_cancelled');

      const late = await Listener.to(server, 'since=1');
      const lost = await Listener.to(server, 'since=999999');
      t.after(() => [late, lost].forEach((one) => one.close()));
      await late.until(({ status }) => status === 'batch_cancelled');
      await lost.until(({ status }) => status === 'gap');
      assert.ok(late.messages.every(({ data }) => data.replayed));
      late.send('ping');
      late.send('{"subscribe": {"line": "anode"}}');
      await late.until(({ status }) => status === 'subscribed');

      const { messages } = document.json.components;
      const seen = {};
      for (const message of [...listener.messages, ...late.messages, ...lost.messages]) {
        const told = JSON.stringify(message);
        assert.ok(messages[message.status], `no such message in the document: ${told}`);
        const errors = document.errors(['components', 'messages', message.status, 'payload'], message);
        assert.deepEqual(errors, [], `${told}\najv: ${asText(errors)}`);
        seen[message.status] = (seen[message.status] ?? 0) + 1;
      }
      assert.deepEqual(late.texts, ['Echo: ping']);
      assert.deepEqual(document.errors(['components', 'messages', 'echo', 'payload'], late.texts[0]), []);
      t.diagnostic(JSON.stringify(seen));
      // A batch does not fail on request.
      const hard = ['batch_failed', 'error', ...(models === 'mechanistic' ? ['machine_simulation_error'] : [])];
      for (const { name, contentType } of Object.values(messages))
        if (!contentType && name !== 'subscribe' && !hard.includes(name)) assert.ok(seen[name] > 0, `no ${name} came`);
    });
  });
}

test('subscriptions get the same verdict from Ajv and from the server', async (t) => {
  await serve(t, { database: 'none' }, async (client, server) => {
    const document = new Document((await client.ask('GET', '/asyncapi.json')).body);
    const validate = document.validator('components', 'messages', 'subscribe', 'payload');
    const listener = await Listener.to(server, 'replay=0');
    t.after(() => listener.close());
    const one = [null, true, 0, '', 'anode', 'ANODE', 'cell', 'mixing', 'mixing_anode', 'aging', 'batch_completed', 'gap',
      'data_generated', 'x'.repeat(64), 'x'.repeat(65), 'ä'.repeat(64), 'ä'.repeat(65), '\u{1F50B}'.repeat(64), {}];
    const values = [...one, ...one.map((value) => [value]), [], ['anode', 'cell'], ['anode', 1], [[]],
      Array(100).fill('anode'), Array(101).fill('anode')];
    const filters = [null, [], 'anode', 1, {}, { unknown: 1 }, { '': 'anode' },
      ...['event', 'line', 'machine', 'batch_id'].flatMap((name) => values.map((value) => ({ [name]: value }))),
      { line: 'anode', event: 'batch_completed' }, { line: 'anode', event: 'none' }];
    const verdicts = { subscribed: 0, error: 0 };
    for (const subscribe of filters) {
      const from = listener.messages.length;
      listener.send(JSON.stringify({ subscribe }));
      const reply = await listener.until(({ status }) => status === 'subscribed' || status === 'error', from);
      const expected = validate({ subscribe }) ? 'subscribed' : 'error';
      verdicts[expected] += 1;
      const told = `${JSON.stringify({ subscribe })}\najv: ${asText(validate.errors)}\n${JSON.stringify(reply)}`;
      assert.equal(reply.status, expected, told);
      assert.deepEqual(document.errors(['components', 'messages', reply.status, 'payload'], reply), [], told);
    }
    t.diagnostic(JSON.stringify(verdicts));
    assert.ok(verdicts.subscribed > 20 && verdicts.error > 20);
  });
});

for (const [models, options] of Object.entries(MODELS)) {
  test(`answers are as the document has them (${models})`, async (t) => {
    const limits = ['--queue-limit', '2', '--max-body', '1000'];
    await serve(t, { options: ['--models', models, '--step-interval', '0', ...limits, ...options] }, async (client, server) => {
      const { contract } = client;
      const expect = async (status, method, target, body, headers) => {
        const answer = await client.ask(method, target, body, headers);
        assert.equal(answer.status, status, `${method} ${target} ${body}\n${answer.text}`);
        return answer;
      };
      const machines = routesWithBodies(contract).filter(({ machine }) => machine);
      const page = await expect(200, 'GET', '/', undefined, { Accept: 'text/html' });
      const asset = `/${/assets\/[^"]+/.exec(page.text)[0]}`;
      await expect(304, 'GET', '/', undefined, { Accept: 'text/html', 'If-None-Match': page.headers.etag });
      const look = async () => {
        for (const target of ['/', '/openapi.json', '/asyncapi.json', '/factory/status', '/factory/logs?limit=1000',
          '/batches', '/health', '/health/live', '/health/ready', '/metrics', '/docs', asset, '/api/simulation/state',
          '/api/plant/state', '/plant/state'])
          await expect(200, 'GET', target);
        for (const { line, machine } of machines) {
          for (const begin of ['', '/api']) await expect(200, 'GET', `${begin}/machine/${line}/${machine}/status`);
          await expect(200, 'GET', `/api/db/${line === 'cell' ? machine : `${line}_${machine}`}`);
        }
        for (const stage of contract.json.components.schemas.CompatForm.properties.stage.enum)
          await expect(200, 'GET', `/api/parameters/current/${encodeURIComponent(stage)}`);
      };
      await look();
      // A whole batch, looked at from inside all machines.
      const listener = await Listener.to(server, 'replay=0');
      t.after(() => listener.close());
      await expect(200, 'POST', '/start-simulation', readmeBodies()[0]);
      await expect(200, 'POST', '/factory/start', '{"id": "b", "seed": 1}');
      await look();
      const isEndOf = (id) => (message) => message.status === 'batch_completed' && message.data.batch_id === id;
      await listener.until(isEndOf('b'));
      await listener.until(isEndOf('1'));
      for (const id of ['1', 'b']) {
        await expect(200, 'GET', `/batches/${id}`);
        await expect(200, 'GET', `/batches/${id}/telemetry`);
        await expect(200, 'GET', `/batches/${id}/telemetry?format=csv`);
        await expect(200, 'GET', `/batches/${id}/telemetry?format=csv&machine=mixing_anode`);
        await expect(409, 'DELETE', `/batches/${id}`);
      }
      await look();

      await paused(client);
      await expect(200, 'POST', '/factory/start', '{"id": "running"}');
      await expect(409, 'POST', '/factory/start', '{"id": "running"}');
      await expect(409, 'POST', '/start-simulation', readmeBodies()[0]);
      await expect(200, 'POST', '/factory/start', '{"id": "queued"}');
      await expect(200, 'POST', '/factory/start', '{}');
      await expect(503, 'POST', '/factory/start', '{}');
      await expect(503, 'POST', '/plant/batch');
      for (const target of ['/api/simulation/start', '/api/simulation/mixing/start']) await expect(400, 'POST', target);
      await look();
      await expect(200, 'DELETE', '/batches/queued');
      await expect(202, 'DELETE', '/batches/running');
      await expect(200, 'POST', '/factory/reset');
      await look();
      for (const target of ['/api/simulation/start', '/api/simulation/mixing/start', '/plant/batch'])
        await expect(200, 'POST', target);
      await expect(400, 'POST', '/reset');
      await expect(200, 'POST', '/factory/reset');
      for (const target of ['/reset', '/api/simulation/reset']) await expect(200, 'POST', target);
      for (const [target, status] of [['anode/x', 400], ['x/mixing', 400]])
        await expect(status, 'GET', `/api/machine/${target}/status`);
      await expect(400, 'GET', '/api/parameters/current/x');
      await expect(200, 'GET', '/api/db/x');

      for (const [method, target] of [['GET', '/batches/none'], ['DELETE', '/batches/none'], ['GET', '/batches/a%20b'],
        ['GET', '/batches/none/telemetry'], ['GET', '/machine/anode/aging/status'], ['GET', '/machine/x/mixing/status']])
        await expect(404, method, target);
      for (const path of ['/machine/anode/aging/parameters', '/machine/x/mixing/parameters'])
        await expect(404, 'PATCH', path, '{}');

      const withBodies = [['POST', '/start-simulation'], ['POST', '/factory/start'], ['PATCH', '/factory/pacing'],
        ['PATCH', '/machine/anode/mixing/parameters']];
      const json = { 'Content-Type': 'application/json' };
      for (const [method, target] of [...withBodies, ['POST', '/factory/reset'], ['DELETE', '/batches/1']]) {
        await expect(415, method, target, '{}', { 'Content-Type': 'text/plain' });
        await expect(415, method, target, '{}', { 'Content-Type': null });
        await expect(415, method, target, '{}', { ...json, 'Content-Encoding': 'gzip' });
        await expect(403, method, target, '{}', { ...json, Origin: 'http://elsewhere.example' });
      }
      for (const [method, target] of withBodies) {
        await expect(400, method, target, '{"none": 1}', { Accept: 'application/problem+json' });
        const head = (more) => `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
        for (const [status, bytes] of [
          [400, `${method} ${target} HTTP/1.1\r\n\r\n`],
          [413, head('Content-Type: application/json\r\nContent-Length: 1001\r\n')],
          [501, head('Transfer-Encoding: gzip\r\n')],
          [505, `${method} ${target} HTTP/3.0\r\nHost: localhost\r\n\r\n`],
        ])
          assert.equal((await client.raw(method, target, bytes)).status, status, bytes);
      }
      for (const path of Object.keys(contract.json.paths)) {
        const target = path.replace('{line_type}', 'anode').replace('{machine_id}', 'mixing').replace('{id}', '1')
          .replace('/assets/{name}', asset).replace('{stage}', 'Anode%20Mixing').replace('{table}', 'anode_mixing');
        const methods = Object.keys(contract.json.paths[path]).map((method) => method.toUpperCase());
        for (const method of methods) {
          await expect(421, method, target, undefined, { Host: 'elsewhere.example' });
          await expect(431, method, target, undefined, { 'X-Long': 'x'.repeat(20_000) });
        }
        // What holds of every path stands in the document's description, and not with each route.
        client.contract = null;
        for (const method of ['GET', 'POST', 'PATCH', 'PUT', 'DELETE'].filter((one) => !methods.includes(one))) {
          const answer = await expect(405, method, target, undefined);
          assert.deepEqual(contract.errors(['components', 'schemas', 'Error'], answer.body), [], answer.text);
          for (const one of methods) assert.ok(answer.headers.allow.split(', ').includes(one), answer.headers.allow);
        }
        await expect(204, 'OPTIONS', target);
        if (methods.includes('GET')) assert.equal((await expect(200, 'HEAD', target)).text, '');
        client.contract = contract;
      }
      client.contract = null;
      const nowhere = await expect(404, 'GET', '/nowhere');
      assert.deepEqual(contract.errors(['components', 'schemas', 'Error'], nowhere.body), [], nowhere.text);
      await expect(307, 'GET', '/health/');
      await expect(426, 'GET', '/ws/status');
      for (const words of ['OPTIONS', '405', '404', '307', '426']) assert.ok(contract.json.info.description.includes(words));
      t.diagnostic(`${contract.seen.size} pairs of route and status`);
    });
  });
}

test('Redocly finds nothing wrong with the documents', async (t) => {
  const cli = join(dirname(createRequire(import.meta.url).resolve('@redocly/cli/package.json')), 'bin/cli.js');
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', NO_COLOR: '1' };
  const files = [];
  for (const models of Object.keys(MODELS)) {
    await serve(t, { database: 'none', options: ['--models', models] }, async (client, server) => {
      for (const name of ['openapi.json', 'asyncapi.json']) {
        files.push(join(server.folder, name));
        writeFileSync(files.at(-1), (await client.ask('GET', `/${name}`)).text);
      }
    });
  }
  const words = [cli, 'lint', '--config', join(HERE, 'redocly.yaml'), '--format', 'stylish', ...files];
  const { code, said } = await new Promise((resolve) => {
    execFile(process.execPath, words, { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, said: stdout + stderr }),
    );
  });
  assert.equal(code, 0, said);
  assert.doesNotMatch(said, /warning/i);
  assert.equal([...said.matchAll(/validated in/g)].length, files.length, said);
});
