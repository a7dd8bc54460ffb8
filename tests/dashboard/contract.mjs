// What /openapi.json promises, and a client that holds every answer against it.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import addFormats from 'ajv-formats';
import Ajv2020 from 'ajv/dist/2020.js';

// Annotations that the documents use beside JSON Schema's own.
const ANNOTATIONS = ['x-unit', 'x-usual', 'x-description', 'x-hint', 'discriminator'];

function makeAjv(document) {
  const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
  addFormats(ajv);
  // To Ajv the whole document is a schema, of which it looks at the parts that are asked for.
  ajv.addVocabulary([...ANNOTATIONS, ...Object.keys(document)]);
  ajv.addSchema(document, 'document');
  return ajv;
}

// A copy in which an object has no members but those that are described: what the server writes is all documented.
function closed(node) {
  if (Array.isArray(node)) return node.map(closed);
  if (node === null || typeof node !== 'object') return node;
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, closed(value)]));
  if (copy.type === 'object' && copy.properties && copy.additionalProperties === undefined)
    copy.additionalProperties = false;
  return copy;
}

export const partsOf = (reference) => reference.slice(2).split('/');
const escaped = (part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));

// A document with schemas. What is sent is held against it as it stands, what is received against its closed copy.
export class Document {
  #open;
  #closed;

  constructor(document) {
    this.json = document;
    this.#open = makeAjv(document);
    this.#closed = makeAjv(closed(document));
  }

  at(...path) {
    return path.reduce((node, part) => node[part], this.json);
  }

  resolve(schema) {
    return schema.$ref ? this.resolve(this.at(...partsOf(schema.$ref))) : schema;
  }

  // Throws if the schema is none by JSON Schema's own schema, or one that means something else than it seems to.
  compile(...path) {
    this.#open.validateSchema(this.at(...path), true);
    this.validator(...path);
  }

  // `path`: names on the way to a schema.
  validator(...path) {
    return this.#open.getSchema(`document#/${path.map(escaped).join('/')}`);
  }

  errors(path, value) {
    const validate = this.#closed.getSchema(`document#/${path.map(escaped).join('/')}`);
    return validate(value) ? [] : validate.errors;
  }
}

export class Contract extends Document {
  #patterns;
  seen = new Map(); // how often each route answered with each status

  constructor(document) {
    super(document);
    this.#patterns = Object.keys(document.paths).map((path) => [
      path,
      new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
    ]);
  }

  pathOf(target) {
    const path = target.split('?')[0];
    return this.#patterns.find(([, pattern]) => pattern.test(path))?.[0];
  }

  // Throws unless the answer is one that the document declares for the route.
  check(method, target, answer) {
    const path = this.pathOf(target);
    const operation = this.json.paths[path]?.[method.toLowerCase()];
    assert.ok(operation, `${method} ${target} is not in the document, and answered\n${answer.status} ${answer.text}`);
    const where = `${method} ${path} ${answer.status}`;
    this.seen.set(where, (this.seen.get(where) ?? 0) + 1);
    const told = () => `${method} ${target}\nanswer: ${answer.status} ${answer.type} ${answer.text.slice(0, 2000)}`;
    const check = (good, problem) => {
      if (!good) assert.fail(`${problem()}\n${told()}`);
    };
    let said = operation.responses[answer.status];
    check(said, () => 'a status that the document does not have');
    let pointer = ['paths', path, method.toLowerCase(), 'responses', String(answer.status)];
    if (said.$ref) {
      pointer = partsOf(said.$ref);
      said = this.resolve(said);
    }
    for (const name of Object.keys(said.headers ?? {}))
      check(name === 'Retry-After' || answer.headers[name.toLowerCase()], () => `no ${name}`);
    if (!said.content) return check(answer.text === '', () => 'a body that the document does not have');
    const type = said.content[answer.type] ? answer.type : '*/*';
    check(said.content[type], () => 'a type that the document does not have');
    const errors = this.errors([...pointer, 'content', type, 'schema'], answer.body);
    check(errors.length === 0, () => `an answer that the document's schema forbids: ${asText(errors)}`);
  }
}

export const asText = (errors) =>
  (errors ?? []).map((error) => `${error.instancePath || '/'} ${error.message} (${error.schemaPath})`).join('\n     ');

function read(status, headers, text) {
  const type = (headers['content-type'] ?? '').split(';')[0];
  const isJson = type === 'application/json' || type === 'application/problem+json';
  return { status, headers, type, text, body: isJson && text !== '' ? JSON.parse(text) : text };
}

export class Client {
  #url;
  #agent = new http.Agent({ keepAlive: true, maxSockets: 1, timeout: 3000 }); // less than the server's five seconds
  contract = null; // once it is set, every answer is held against it

  constructor(url) {
    this.#url = new URL(url);
  }

  static async of(server) {
    const client = new Client(server.url);
    client.contract = new Contract((await client.ask('GET', '/openapi.json')).body);
    return client;
  }

  async ask(method, target, body, headers = {}) {
    // node:http leaves the length of a DELETE's body out.
    const content =
      body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const sent = { ...content, ...headers };
    if (sent['Content-Type'] === null) delete sent['Content-Type'];
    const answer = await new Promise((resolve, reject) => {
      const { hostname, port } = this.#url;
      const request = http.request({ agent: this.#agent, hostname, port, method, path: target, headers: sent });
      request.on('error', reject).on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part) => (text += part));
        response.on('error', reject).on('end', () => resolve(read(response.statusCode, response.headers, text)));
      });
      request.end(body);
    });
    this.contract?.check(method, target, answer);
    return answer;
  }

  // Bytes as they are, of a request that node:http would not send.
  async raw(method, target, bytes) {
    const answer = await new Promise((resolve, reject) => {
      let text = '';
      const socket = net.connect(Number(this.#url.port), this.#url.hostname, () => socket.write(bytes));
      socket.setTimeout(5000, () => socket.destroy(new Error(`no whole answer: ${text}`)));
      socket.setEncoding('utf8').on('error', reject).on('data', (part) => {
        text += part;
        const end = text.indexOf('\r\n\r\n');
        if (end < 0) return;
        const [line, ...fields] = text.slice(0, end).split('\r\n');
        const headers = Object.fromEntries(
          fields.map((field) => [field.split(':')[0].toLowerCase(), field.slice(field.indexOf(':') + 1).trim()]),
        );
        const content = text.slice(end + 4);
        if (Buffer.byteLength(content) < Number(headers['content-length'])) return;
        socket.destroy();
        resolve(read(Number(line.split(' ')[1]), headers, content));
      });
    });
    this.contract?.check(method, target, answer);
    return answer;
  }

  close() {
    this.#agent.destroy();
  }
}
