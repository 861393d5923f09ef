// The checks of Windows' binaries on a library that zig's linker made of test/fixtures/pe/small.c, and those of every
// platform on it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';

// By a name that the type checker does not follow: these scripts have no types.
const script = (name: string) => import(new URL(`../../scripts/prebuild/${name}.mjs`, import.meta.url).href);
const { checkBinary, entries } = await script('binary');
const { keepExports } = await script('mach-o-exports');
const { targets } = await script('targets');

const folder = mkdtempSync(join(tmpdir(), 'adjoint-pe-'));
const file = join(folder, 'small.node');
const linked = (name: string) =>
  gunzipSync(readFileSync(new URL(`../fixtures/${name}/small.node.gz`, import.meta.url)));
const nodeApi = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];
const check = () => checkBinary(file, targets['win32-x64']);

afterAll(() => rmSync(folder, { recursive: true }));

/** Writes the library with the first place of a text changed. */
function write(from = '', to = '') {
  const bytes = linked('pe');
  bytes.write(to, bytes.indexOf(from, 0, 'latin1'), 'latin1');
  writeFileSync(file, bytes);
}

test("a library that exports Node-API's entries alone is right", () => {
  write();
  expect(check()).toMatchObject({ exported: nodeApi, needed: [], processor: 'x64' });
});

test('another export, no entry and another processor are refused', () => {
  write('napi_register', 'also_register');
  expect(check).toThrow(/exports of Node-API alone, got also_register_module_v1; and the entry of Node-API, got none$/);
  write('PE\0\0\x64\x86', 'PE\0\0\x64\xaa'); // arm64
  expect(check).toThrow(/must have code for x64, got 43620$/);
});

// Whoever reads the binary would learn the builder's folders, and two builds of one source would differ.
test.each(['win32-x64', 'darwin-arm64'])('a path of the machine that builds is refused: %s', (platform) => {
  writeFileSync(file, linked(platform === 'win32-x64' ? 'pe' : 'mach-o'));
  if (platform === 'darwin-arm64') keepExports(file, entries);
  checkBinary(file, targets[platform]);
  const whole = readFileSync(file);
  const project = fileURLToPath(new URL('../..', import.meta.url)).slice(0, -1);
  for (const path of [project, homedir()].map((place) => `${place}/native/x.cc`)) {
    writeFileSync(file, Buffer.concat([whole, Buffer.from(`\0${path}\0`)]));
    const refused = `must have no paths of the machine that built it, got ${path}`;
    expect(() => checkBinary(file, targets[platform])).toThrow(refused);
  }
});
