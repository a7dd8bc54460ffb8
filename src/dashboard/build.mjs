// Makes the dashboard's files: node build.mjs FOLDER [FILE.json]
//
// FOLDER gets index.html, docs.html (Swagger UI) and assets/, whose names hold a hash of their content: they never change
// under one name. FILE.json gets esbuild's account of what was made of what.

import { build } from 'esbuild';
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = dirname(fileURLToPath(import.meta.url));
const [target, account] = process.argv.slice(2);
if (!target) {
  console.error('usage: node build.mjs FOLDER [FILE.json]');
  process.exit(2);
}

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });

const result = await build({
  absWorkingDir: source,
  entryPoints: { app: 'main.tsx', docs: 'docs.ts' },
  entryNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  outdir: join(target, 'assets'),
  bundle: true,
  splitting: true, // the charts' drawing is loaded when the first is shown
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  minify: true,
  legalComments: 'linked',
  metafile: true,
  logLevel: 'warning',
});

const made = Object.keys(result.metafile.outputs).map((path) => basename(path));
function named(pattern) {
  const found = made.filter((name) => pattern.test(name));
  if (found.length !== 1) throw new Error(`${pattern} is to be one file of ${made.join(', ')}`);
  return found[0];
}

// The text with the file's name in the place of `name`.
function withName(html, name, file) {
  if (!html.includes(name)) throw new Error(`a page does not load ${name}`);
  return html.replace(name, file);
}

for (const [page, entry] of [['index.html', 'app'], ['docs.html', 'docs']]) {
  let html = await readFile(join(source, page), 'utf8');
  for (const kind of ['js', 'css']) html = withName(html, `${entry}.${kind}`, named(new RegExp(`^${entry}-.*\\.${kind}$`)));
  await writeFile(join(target, page), html);
}
if (account) await writeFile(account, JSON.stringify(result.metafile));

// Swagger UI's bundle says of its licences only where they stand.
for (const file of ['NOTICE', 'LICENSE', 'swagger-ui-bundle.js.LICENSE.txt']) {
  const text = await readFile(join(source, 'node_modules/swagger-ui-dist', file), 'utf8');
  await appendFile(join(target, 'assets', named(/^swagger-ui-bundle-.*\.LEGAL\.txt$/)), `\n${text}`);
}
