// The check of macOS's binaries, and what `npm run prebuild` changes in them, on a library that zig's linker made of
// test/fixtures/mach-o/small.c: it exports a weak `shared`, an `also`, and names of the linker.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeEach, expect, test } from 'vitest';

// By a name that the type checker does not follow: these scripts have no types.
const script = (name: string) => import(new URL(`../../scripts/prebuild/${name}.mjs`, import.meta.url).href);
const { checkBinary, entries } = await script('binary');
const { readMachO } = await script('mach-o');
const { keepExports } = await script('mach-o-exports');
const { targets } = await script('targets');

const folder = mkdtempSync(join(tmpdir(), 'adjoint-mach-o-'));
const file = join(folder, 'small.node');
const linked = gunzipSync(readFileSync(new URL('../fixtures/mach-o/small.node.gz', import.meta.url)));
const nodeApi = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];
const check = () => checkBinary(file, targets['darwin-arm64']);

beforeEach(() => writeFileSync(file, linked));
afterAll(() => rmSync(folder, { recursive: true }));

/** Changes the file's bytes. */
function change(edit: (bytes: Buffer) => void) {
  const bytes = readFileSync(file);
  edit(bytes);
  writeFileSync(file, bytes);
}

test('a library as zig links it exports too much, and is refused', () => {
  expect(new Set(readMachO(file).exports)).toEqual(
    new Set([...nodeApi, 'also', 'shared', '_mh_dylib_header', '__dso_handle']),
  );
  expect(check).toThrow(/no symbols that it shares with other libraries.*; and exports of Node-API alone, got also/);
});

test('what is kept are the entries of Node-API, at their addresses, under a signature that fits', () => {
  keepExports(file, entries);
  expect(check()).toMatchObject({ exported: nodeApi, isWeak: false, signed: true, oldest: '11.0', processor: 'arm64' });
  // Flags, then the addresses that llvm-objdump shows for the linked library, 0x1568 and 0x158c, in groups of seven bits.
  for (const node of [
    [3, 0, 0xe8, 0x2a, 0],
    [3, 0, 0x8c, 0x2b, 0],
  ]) {
    expect(readFileSync(file).includes(Buffer.from(node))).toBe(true);
  }
});

test('one more export is refused', () => {
  keepExports(file, /^(napi_|node_api_|also$)/);
  expect(check).toThrow(/must have exports of Node-API alone, got also$/);
});

test('a byte that changes after the signature is refused', () => {
  keepExports(file, entries);
  change((bytes) => bytes.writeUInt8(bytes[0x1568] ^ 1, 0x1568));
  expect(check).toThrow(/must have a signature that fits/);
});

test('a name that only another library can give is not cut off', () => {
  change((bytes) => {
    const info = bytes.indexOf(Buffer.from([0x22, 0, 0, 0x80, 48, 0, 0, 0]));
    bytes.writeUInt8(0, bytes.readUInt32LE(info + 8)); // no pointer is set by the linker
  });
  const before = readFileSync(file);
  expect(() => keepExports(file, entries)).toThrow(/leaves 1 names to other libraries/);
  expect(readFileSync(file)).toEqual(before);
});
