// What users write compiles in strict mode, and what would fail at run time does not: tsc checks the declarations that npm delivers.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../support/pages.js';

it('programs of each family compile in strict mode, and wrong calls do not', () => {
  const place = mkdtempSync(join(tmpdir(), 'adjoint-types-'));
  try {
    mkdirSync(join(place, 'node_modules'));
    symlinkSync(root, join(place, 'node_modules', 'adjoint'), 'junction');
    writeFileSync(join(place, 'package.json'), '{ "type": "module" }');
    copyFileSync(join(root, 'test', 'fixtures', 'types', 'programs.ts'), join(place, 'programs.ts'));
    cpSync(join(root, 'test', 'fixtures', 'ported'), join(place, 'ported'), { recursive: true });
    symlinkSync(join(root, 'node_modules', '@types'), join(place, 'node_modules', '@types'), 'junction');
    const compilerOptions = {
      ...{ module: 'nodenext', target: 'es2023', lib: ['es2023', 'esnext.disposable', 'dom'], types: ['node'] },
      ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noEmit: true },
    };
    writeFileSync(
      join(place, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, include: ['programs.ts', 'ported'] }),
    );
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const run = () => execFileSync(process.execPath, [tsc, '-p', place], { encoding: 'utf8', stdio: 'pipe' });
    let printed = '';
    try {
      printed = run();
    } catch (error) {
      printed = (error as { stdout: string }).stdout;
    }
    expect(printed).toBe('');
  } finally {
    rmSync(place, { recursive: true });
  }
});
