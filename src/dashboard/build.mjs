// Makes the dashboard's files: node build.mjs FOLDER [FILE.json]
//
// FOLDER gets index.html, docs.html (Swagger UI) and assets/, whose names hold a hash of their content: they never change
// under one name. FILE.json gets esbuild's account of what was made of what.

import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
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

// The licences of what is bundled want their texts to go with it. The pages say where they are.
const packages = new Set(
  Object.keys(result.metafile.inputs).flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []),
);
let licences = 'battery-twin: licences of the packages that its dashboard and its Swagger UI are built with.\n';
for (const name of [...packages].sort()) {
  const folder = join(source, 'node_modules', name);
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  licences += `\n${'='.repeat(80)}\n${name} ${version}\n${'='.repeat(80)}\n`;
  const texts = (await readdir(folder)).filter((file) => /^(LICEN[CS]E|NOTICE)(\.\w+)?$|^swagger-ui-bundle\.js\.LICENSE\.txt$/.test(file));
  if (!texts.some((file) => file.startsWith('LICEN'))) throw new Error(`${name} has no licence beside it`);
  for (const file of texts.sort()) licences += `\n${await readFile(join(folder, file), 'utf8')}`;
}
const licencesFile = `licenses-${createHash('sha256').update(licences).digest('hex').slice(0, 8).toUpperCase()}.txt`;
await writeFile(join(target, 'assets', licencesFile), licences);
// Swagger UI's bundle says of its licences only where they stand.
await appendFile(join(target, 'assets', named(/^swagger-ui-bundle-.*\.LEGAL\.txt$/)), `\nTheir texts: ${licencesFile}\n`);

for (const [page, entry] of [['index.html', 'app'], ['docs.html', 'docs']]) {
  let html = await readFile(join(source, page), 'utf8');
  for (const kind of ['js', 'css']) html = withName(html, `${entry}.${kind}`, named(new RegExp(`^${entry}-.*\\.${kind}$`)));
  await writeFile(join(target, page), withName(html, 'licenses.txt', licencesFile));
}
if (account) await writeFile(account, JSON.stringify(result.metafile));
