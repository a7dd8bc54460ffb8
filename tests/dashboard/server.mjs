// A server of the tests' own: the real program, with a folder and a port that nobody else uses.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const READY = /running on (http:\/\/\S+) /;
const PATIENCE_MS = 20_000; // a machine that builds beside is slow

// Whatever ends the tests, no server is left behind.
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class TwinServer {
  #binary;
  #options;
  #folder;
  #port = 0;
  #child = null;
  #ended = null;
  #log = '';

  // `binary`: BATTERY_TWIN_TEST_BINARY where it is not given. `database`: `none`, a URL, or a file in the server's own
  // folder where it is not given. `options`: further words of the command line.
  constructor({ binary = process.env.BATTERY_TWIN_TEST_BINARY, database, options = [] } = {}) {
    if (!binary) throw new Error('BATTERY_TWIN_TEST_BINARY names no server');
    this.#binary = binary;
    this.#folder = mkdtempSync(join(tmpdir(), 'battery-twin-'));
    this.#options = ['--db', database ?? `sqlite:${join(this.#folder, 'battery-twin.db')}`, ...options];
  }

  static async start(settings) {
    const server = new TwinServer(settings);
    try {
      await server.start();
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  // The first time on any free port, after that on the same one, with the same database.
  async start() {
    if (this.#child) throw new Error('the server runs already');
    const words = ['--port', String(this.#port), '--no-access-log', '--no-use-colors', ...this.#options];
    const child = spawn(this.#binary, words, { cwd: this.#folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    running.add(child);
    this.#ended = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#log += `${error}\n`;
        resolve();
      });
      child.once('close', resolve);
    }).then(() => {
      running.delete(child);
      this.#child = null;
    });
    const from = this.#log.length;
    const url = await new Promise((resolve) => {
      const clock = setTimeout(resolve, PATIENCE_MS, null);
      let settled = false; // from then on the log is only kept
      const settle = (found) => {
        settled = true;
        clearTimeout(clock);
        resolve(found);
      };
      const read = (text) => {
        this.#log += text;
        const ready = settled ? null : READY.exec(this.#log.slice(from));
        if (ready) settle(ready[1]);
      };
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', read);
      this.#ended.then(() => settle(null));
    });
    if (!url) throw new Error(`the server did not start:\n${this.#log.slice(from)}`);
    this.#port = Number(new URL(url).port);
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  get port() {
    return this.#port;
  }

  get pid() {
    return this.#child?.pid;
  }

  get folder() {
    return this.#folder;
  }

  // All that it has written so far, over all its starts.
  get log() {
    return this.#log;
  }

  // As with Ctrl-C: requests are finished, the database is closed.
  async stop() {
    this.#child?.kill('SIGTERM');
    await this.#ended;
  }

  // As by a power cut.
  async kill() {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  async restart() {
    await this.stop();
    await this.start();
  }

  // For good: its folder goes too.
  async close() {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
