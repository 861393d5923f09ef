// The page of `adjoint serve`, as somebody without a mouse uses it.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { data, train } from '../../lib/index.js';
import { Browser, chromium, needed } from '../support/browser.js';

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

describe.skipIf(!chromium)(`the page of adjoint serve in Chromium${needed}`, { timeout: 180_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-page-'));
  let model: train.TabularModel;
  let server: ChildProcess;
  let browser: Browser;
  let url = '';

  beforeAll(async () => {
    const rows = Array.from({ length: 200 }, (_, i) => ({
      'size in m²': 20 + (i % 71),
      'where it is, by the name of the district': ['north', 'south', '<b>"west"&</b>'][i % 3],
      garden: i % 2 === 0,
      built: new Date(1e12 + 1e10 * (i % 9)),
      sold: i % 71 > 35 ? 'soon' : 'late',
    }));
    model = await train.tabular(data.Table.fromRows(rows), { target: 'sold', ensemble: 1, settings: { epochs: 20 } });
    const path = join(folder, 'model.safetensors');
    model.save(path);
    server = spawn(process.execPath, [cli, 'serve', path, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let log = '';
    url = await new Promise((resolve) => {
      server.stdout?.on('data', (text) => {
        log += text;
        const found = /http:\S+/.exec(log);
        if (found !== null) resolve(found[0]);
      });
    });
    browser = new Browser();
  }, 120_000);
  afterAll(async () => {
    server?.kill('SIGKILL');
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['light', false],
    ['dark', true],
  ])('predicts by keyboard alone, in %s', async (name, dark) => {
    const page = await browser.page({ dark, width: 900 });
    await page.open(url);
    await page.press('Tab');
    await page.type('85');
    await page.press('Tab');
    await page.press('ArrowDown');
    await page.press('ArrowDown'); // after "(missing)" and the first category
    await page.press('Tab');
    await page.press('Tab'); // garden stays missing
    await page.type('2005-03-01');
    await page.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Predict');
    await page.press('Enter');
    const output = 'document.querySelector("output").innerText';
    await expect.poll(() => page.evaluate<string>(output), { timeout: 60_000 }).toContain('%');
    const row = {
      'size in m²': 85,
      'where it is, by the name of the district': 'north',
      garden: null,
      built: new Date('2005-03-01'),
    };
    const [answer] = await model.predict([row]);
    const [[late, soon] = []] = await model.predictProba([row]);
    expect(answer).toBe('soon');
    const shares = [`soon\t${(100 * (soon as number)).toFixed(1)} %`, `late\t${(100 * (late as number)).toFixed(1)} %`];
    expect((await page.evaluate<string>(output)).split('\n').filter((line) => line !== '')).toEqual([
      answer,
      ...shares,
    ]);
    await page.screenshot(`serve-${name}`);
    expect(page.complaints).toEqual([]);
    expect(page.requests.filter((address) => !address.startsWith(url))).toEqual([]);
  });

  it('shows what is wrong with a field', async () => {
    const page = await browser.page({ width: 380 });
    await page.open(url);
    for (let i = 0; i < 4; i++) await page.press('Tab');
    await page.type('soon');
    await page.press('Enter');
    const output = 'document.querySelector("output").innerText';
    const message = /^"built" of the row must be a date/;
    await expect.poll(() => page.evaluate(output), { timeout: 60_000 }).toMatch(message);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(380);
    await page.screenshot('serve-wrong');
  });
});
