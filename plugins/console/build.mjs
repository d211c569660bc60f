// Makes the console: node build.mjs SOURCE_FOLDER MODULES_FOLDER OUTPUT.cpp
//
// Checks the types, bundles source/ into one script and one sheet, and writes every file as it is,
// as gzip and as brotli into a C++ table (assets.h). Names carry a hash of the contents, so that
// browsers may keep them for ever; the page itself does not.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [folder, modules, output] = process.argv.slice(2);
const require = createRequire(join(modules, "package.json"));
const esbuild = require("esbuild");

// The compiler looks for the packages beside the configuration: it gets one of its own there.
function checkTypes() {
  const project = join(modules, "tsconfig.json");
  const options = { baseUrl: modules, paths: { "*": [join(modules, "node_modules", "*")] } };
  const source = { extends: join(folder, "tsconfig.json"), compilerOptions: options, include: [join(folder, "source")] };
  writeFileSync(project, JSON.stringify(source));
  const compiler = require.resolve("typescript/bin/tsc");
  const done = spawnSync(process.execPath, [compiler, "-p", project], { encoding: "utf8" });
  if (done.status === 0) return;
  process.stderr.write(done.stdout + done.stderr);
  process.exit(1);
}

async function bundle(entry) {
  const made = await esbuild.build({
    entryPoints: [join(folder, "source", entry)],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: ["es2020"],
    jsx: "automatic",
    jsxImportSource: "preact",
    nodePaths: [join(modules, "node_modules")],
    legalComments: "none",
  });
  return Buffer.from(made.outputFiles[0].contents);
}

function hashOf(bytes) {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

// A C++ literal; octal escapes end after three digits whatever follows.
function literal(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 64) {
    let line = "";
    for (const byte of bytes.subarray(at, at + 64)) line += `\\${byte.toString(8).padStart(3, "0")}`;
    lines.push(`     "${line}"`);
  }
  return `std::string_view(\n${lines.join("\n") || '     ""'},\n     ${bytes.length})`;
}

const types = { ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml" };

function asset(path, type, bytes, lasting) {
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  const gzip = gzipSync(bytes, { level: 9 });
  const text = [path, type, hashOf(bytes)].map((one) => `"${one}"`).join(", ");
  return `    {${text}, ${lasting},\n     ${literal(bytes)},\n     ${literal(gzip)},\n     ${literal(brotli)}},`;
}

checkTypes();
const files = [
  ["SCRIPT", ".js", await bundle("main.tsx")],
  ["STYLE", ".css", await bundle("style.css")],
  ["ICON", ".svg", readFileSync(join(folder, "icon.svg"))],
];
let page = readFileSync(join(folder, "index.html"), "utf8");
const table = [];
for (const [mark, ending, bytes] of files) {
  const name = hashOf(bytes) + ending;
  page = page.replace(mark, name);
  table.push(asset(`/console/${name}`, types[ending], bytes, true));
}
table.push(asset("/", "text/html; charset=utf-8", Buffer.from(page), false));
writeFileSync(
  output,
  `// Made by plugins/console/build.mjs.
#include "plugins/console/assets.h"

namespace penstock::plugins::console {

const std::vector<Asset>& assets() {
    static const std::vector<Asset> all = {
${table.join("\n")}
    };
    return all;
}

}  // namespace penstock::plugins::console
`,
);
