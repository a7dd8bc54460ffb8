// Makes the dashboard's files: node build.mjs FOLDER
//
// FOLDER gets index.html, docs.html (Swagger UI) and assets/, whose names hold a hash of their content: they never change
// under one name.

import { build } from 'esbuild';
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2];
if (!target) {
  console.error('usage: node build.mjs FOLDER');
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
const named = (pattern) => made.find((name) => pattern.test(name));

const pages = { 'index.html': 'app', 'docs.html': 'docs' };
for (const [page, entry] of Object.entries(pages)) {
  const html = await readFile(join(source, page), 'utf8');
  await writeFile(
    join(target, page),
    html
      .replace(`${entry}.js`, named(new RegExp(`^${entry}-.*\\.js$`)))
      .replace(`${entry}.css`, named(new RegExp(`^${entry}-.*\\.css$`))),
  );
}

// Swagger UI's bundle says of its licences only where they stand.
for (const file of ['NOTICE', 'LICENSE', 'swagger-ui-bundle.js.LICENSE.txt']) {
  const text = await readFile(join(source, 'node_modules/swagger-ui-dist', file), 'utf8');
  await appendFile(join(target, 'assets', named(/^swagger-ui-bundle-.*\.LEGAL\.txt$/)), `\n${text}`);
}
