import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

// The kernels are compiled once per instruction-set level. The linker keeps one copy of a weak symbol for all of them,
// and it could be the one for AVX-512; so may a plain global symbol only be one that is named after its level.

const build = fileURLToPath(new URL('../../build', import.meta.url));

/** Lines of `nm --defined-only -C` that break the rule. */
function offenders(listing: string, level: string): string[] {
  return listing.split('\n').filter((line) => {
    const [, type, name] = /^[0-9a-f]* +([A-Za-z]) (.*)$/.exec(line) ?? [];
    if (type === undefined) return false;
    return /[WVu]/.test(type) || (/[A-Z]/.test(type) && !name!.includes(`::${level}::`));
  });
}

function levels(): string[] {
  const folder = join(build, 'CMakeFiles');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => /^kernels_(.*)\.dir$/.exec(name)?.[1] ?? []);
}

function hasNm(): boolean {
  try {
    return /GNU|LLVM/.test(execFileSync('nm', ['--version'], { encoding: 'utf8' }));
  } catch {
    return false;
  }
}

it('a weak symbol and a foreign global symbol are found', () => {
  const listing = [
    '0000000000000000 W std::vector<int>::push_back(int&&)',
    '0000000000000000 T adjoint::v3::relu(float*)',
    '0000000000000010 T adjoint::helper()',
    '0000000000000020 t adjoint::v3::(anonymous namespace)::loop()',
  ].join('\n');
  expect(offenders(listing, 'v3')).toEqual([listing.split('\n')[0], listing.split('\n')[2]]);
});

it("no symbol of one level's kernels can stand for another's", (context) => {
  const found = levels();
  if (found.length === 0 || !hasNm()) return context.skip('nm or the object files are not here');
  for (const level of found) {
    const folder = join(build, 'CMakeFiles', `kernels_${level}.dir`);
    const objects = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.o'));
    expect(objects.length).toBeGreaterThan(0);
    for (const object of objects) {
      const listing = execFileSync('nm', ['--defined-only', '-C', join(folder, object)], { encoding: 'utf8' });
      expect(offenders(listing, level), object).toEqual([]);
    }
  }
});
