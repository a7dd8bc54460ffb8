// Makes C++ of the files that build.mjs has made: node embed.mjs FOLDER FILE.cpp FILE.json
//
// What compresses well is compressed here, once and as well as it goes; the server sends it as it is. FILE.json is build.mjs's:
// FILE.cpp.d gets the sources that it names, after a change of which CMake is to make all this anew.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const [folder, output, account] = process.argv.slice(2);
if (!folder || !output || !account) {
  console.error('usage: node embed.mjs FOLDER FILE.cpp FILE.json');
  process.exit(2);
}

const isText = (name) => /\.(html|css|js|map|json|svg|txt)$/.test(name);

async function filesOf(at, prefix = '') {
  const found = [];
  for (const entry of await readdir(at, { withFileTypes: true })) {
    const name = prefix + entry.name;
    if (entry.isDirectory()) found.push(...(await filesOf(join(at, entry.name), `${name}/`)));
    else found.push(name);
  }
  return found.sort();
}

const zipped = `${resolve(output)}.gzip`;
await rm(zipped, { recursive: true, force: true });
await mkdir(zipped, { recursive: true });

const names = await filesOf(folder);
const paths = [];
for (const name of names) {
  const path = resolve(folder, name);
  if (isText(name)) {
    const to = join(zipped, `${name.replaceAll(/[/\\]/g, '_')}.gz`);
    await writeFile(to, gzipSync(await readFile(path), { level: 9 }));
    paths.push(to);
  } else {
    paths.push(path);
  }
}

const symbol = (index) => `battery_twin_file_${index}`;
const assembly = paths
  .map(
    (path, index) =>
      `    ".global ${symbol(index)}\\n${symbol(index)}:\\n"\n` +
      `    ".incbin \\"${path.split(sep).join('/')}\\"\\n"\n` +
      `    ".global ${symbol(index)}_end\\n${symbol(index)}_end:\\n"`,
  )
  .join('\n');
const declarations = names
  .map((_, index) => `extern const char ${symbol(index)}[];\nextern const char ${symbol(index)}_end[];`)
  .join('\n');
const rows = names
  .map((name, index) => `      {"${name}", {${symbol(index)}, ${symbol(index)}_end}, ${isText(name)}},`)
  .join('\n');

await mkdir(dirname(output), { recursive: true });
await writeFile(
  output,
  `// Made by src/dashboard/embed.mjs.
#include "embedded_files.hpp"

asm(".section .rodata\\n"
${assembly}
    ".previous\\n");

extern "C" {
${declarations}
}

namespace battery_twin::app {

std::span<const EmbeddedFile> embedded_files() {
  static const EmbeddedFile kFiles[] = {
${rows}
  };
  return kFiles;
}

}  // namespace battery_twin::app
`,
);

// What npm installs changes with package-lock.json only.
const { inputs } = JSON.parse(await readFile(account, 'utf8'));
const here = dirname(fileURLToPath(import.meta.url));
const sources = Object.keys(inputs).filter((path) => !path.startsWith('node_modules/'));
const escaped = (path) => resolve(here, path).replaceAll(/[ #]/g, '\\$&').replaceAll('$', '$$$$');
await writeFile(`${output}.d`, `${escaped(resolve(output))}: ${sources.map(escaped).join(' ')}\n`);
