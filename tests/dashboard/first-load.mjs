// The dashboard opens at once from afar too: what a browser loads at first is small, compressed.
//
//   node first-load.mjs FOLDER FILE.json    of src/dashboard/build.mjs
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const LIMIT = 60_000; // bytes

const [folder, account] = process.argv.slice(2);
const { outputs } = JSON.parse(readFileSync(account, 'utf8'));

const app = Object.keys(outputs).find((path) => outputs[path].entryPoint === 'main.tsx' && path.endsWith('.js'));
assert.ok(app, `${account} knows no main.tsx`);

// With all that they import at once, which is not what they import when it is needed.
const first = new Set();
function take(path) {
  if (first.has(path)) return;
  first.add(path);
  const { imports, cssBundle } = outputs[path];
  for (const { path: next, kind, external } of imports) if (kind !== 'dynamic-import' && !external) take(next);
  if (cssBundle) take(cssBundle);
}
take(app);
assert.ok([...first].some((path) => path.endsWith('.css')), 'without a style');
assert.ok(first.size < Object.keys(outputs).length, 'nothing is left for later');

const files = ['index.html', ...[...first].map((path) => join('assets', basename(path)))];
const sizes = files.map((name) => gzipSync(readFileSync(join(folder, name)), { level: 9 }).length);
const sum = sizes.reduce((a, b) => a + b);
for (const [index, name] of files.entries()) console.log(`${String(sizes[index]).padStart(6)} ${name}`);
console.log(`${String(sum).padStart(6)} bytes of at most ${LIMIT}`);
assert.ok(sum <= LIMIT, 'the first load is too large');
