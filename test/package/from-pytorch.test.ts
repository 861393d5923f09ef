// The page for people who come from PyTorch: each program prints what PyTorch printed for the one beside it, and the files
// of weights go both ways. test/golden/make_from_pytorch.py ran the page's Python.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as adjoint from '../../lib/index.js';
import { readGolden } from '../support/golden.js';
import { blocks, readPage, root, runProgram } from '../support/pages.js';

interface Section {
  title: string;
  printed: string[];
}

const { io, nn, optim, zeros } = adjoint;
const page = readPage('docs/from-pytorch.md');
const golden = readGolden<{ source: string; sections: Section[] }>('from_pytorch');
const [first, ...parts] = page.split(/^### /m) as [string, ...string[]];
const sections = parts.filter((part) => part.includes('```python'));
const prelude = blocks(first)[0] as string;

// The last printed digit may differ by one: another processor rounds elsewhere.
function expectLine(got: unknown, want: string | undefined): void {
  const number = /-?\d+(?:\.\d+)?/g;
  const [mine, theirs] = [String(got), String(want)];
  expect(mine.replace(number, '#'), theirs).toBe(theirs.replace(number, '#'));
  const [a, b] = [mine.match(number) ?? [], theirs.match(number) ?? []];
  a.forEach((text, i) => {
    const digits = text.split('.')[1]?.length ?? 0;
    expect(Math.abs(Number(text) - Number(b[i])), `${mine} and ${theirs}`).toBeLessThan(
      digits === 0 ? 1e-9 : 1.01 * 10 ** -digits,
    );
  });
}

function expectLines(got: readonly unknown[], want: readonly string[]): void {
  expect(got.length).toBe(want.length);
  got.forEach((line, i) => {
    expectLine(line, want[i]);
  });
}

describe('from PyTorch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-from-pytorch-'));
  const before = process.cwd();
  beforeAll(() => {
    copyFileSync(join(root, 'test/golden/from-torch.safetensors'), join(folder, 'from-torch.safetensors'));
    process.chdir(folder);
  });
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  it('the golden values are of the Python programs that the page shows', () => {
    const source = blocks(page, 'python').join('');
    expect(createHash('sha256').update(source).digest('hex')).toBe(golden.source);
    expect(sections.map((s) => s.split('\n')[0])).toEqual(golden.sections.map((s) => s.title));
    expect(golden.sections.every((s) => s.printed.length > 0)).toBe(true);
  });

  sections.forEach((section, i) => {
    const { title, printed } = golden.sections[i] as Section;
    it(`${title}: the same numbers`, async () => {
      // Beside Python stands what prints the same lines; a program by itself prints some of them again.
      const [inTable, alone] = [[] as unknown[], [] as unknown[]];
      for (const code of blocks(section)) {
        const beside = section.includes(`<td>\n\n\`\`\`js\n${code}`);
        (beside ? inTable : alone).push(...(await runProgram(`${prelude}\n{\n${code}\n}`)));
      }
      expectLines(inTable, printed);
      for (const line of alone) {
        const name = String(line).split(':')[0] as string;
        expectLine(
          line,
          printed.find((other) => other.startsWith(`${name}:`)),
        );
      }
    });
  });

  it.each(['docs/from-pytorch.md', 'docs/from-keras.md'])('the names in the tables of %s exist', (file) => {
    const cells = [...readPage(file).matchAll(/^\|[^|]*`[^|]*\|([^|]*`[^|]*)\|[^|]*\|$/gm)].map((m) => m[1] as string);
    expect(cells.length).toBeGreaterThan(20);
    const names = cells.flatMap((cell) =>
      [...cell.matchAll(/`(?:new )?([A-Za-z]\w*(?:\.\w+)*)/g)].map((m) => m[1] as string),
    );
    const model = nn.sequential(new nn.Linear(2, 2));
    const t = zeros([2, 2]);
    const optimizer = new optim.SGD(model.parameters());
    const dict = new nn.ModuleDict({ a: model });
    const loss = t;
    const given: Record<string, unknown> = {
      ...adjoint,
      t,
      x: t,
      a: t,
      dict,
      loss,
      p: t,
      model,
      optimizer,
      this: model,
    };
    const unknown = names.filter((name) => {
      const [place, ...rest] = name.split('.') as [string, ...string[]];
      let value: unknown = given[place] ?? (place in optim ? optim[place as keyof typeof optim] : undefined);
      for (const part of rest) value = (value as Record<string, unknown> | undefined)?.[part];
      return value === undefined;
    });
    expect(unknown).toEqual([]);
  });

  it('what adjoint saves is what PyTorch loaded', () => {
    const saved = io.load(join(folder, 'from-adjoint.safetensors'));
    const loaded = io.load(join(root, 'test/golden/from-adjoint.safetensors'));
    expect([...saved.keys()]).toEqual([...loaded.keys()]);
    for (const [name, t] of saved) {
      const other = loaded.get(name);
      expect([t.shape, t.dtype], name).toEqual([other?.shape, other?.dtype]);
      const values = other?.toTypedArray() ?? [];
      t.toTypedArray().forEach((v, i) => {
        expect(v, name).toBeCloseTo(values[i] as number, 5);
      });
    }
  });

  it('another digit, word or number of lines is noticed', () => {
    expect(() => expectLines(['loss 1.2345'], ['loss 1.2348'])).toThrow();
    expect(() => expectLines(['loss 1.2345'], ['lr 1.2345'])).toThrow();
    expect(() => expectLines(['3 of 30 right'], ['4 of 30 right'])).toThrow();
    expect(() => expectLines([], ['loss 1.2345'])).toThrow();
    expectLines(['loss 1.2345'], ['loss 1.2346']);
  });
});
