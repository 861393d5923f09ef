import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { ArgumentError, FileError, train } from '../../lib/index.js';
import { Browser, chromium, needed } from '../support/browser.js';
import { recordRun } from '../support/runs.js';

const place = mkdtempSync(join(tmpdir(), 'adjoint-serve-'));
const runs = join(place, 'runs');
const evil = '<script>document.title = "hacked"</script>';
let server: train.RunServer;
beforeAll(async () => {
  recordRun(join(runs, 'first'), 'first', { lr: 0.1 }).onEnd({ result: { stopped: 'completed' } });
  recordRun(join(runs, 'second & last'), evil, { lr: 0.2 });
  recordRun(join(place, 'secret'), 'secret');
  mkdirSync(join(runs, 'no-run'));
  symlinkSync(join(place, 'secret'), join(runs, 'link'));
  server = await train.serve(runs, { port: 0 });
});
afterAll(async () => {
  await server.close();
  rmSync(place, { recursive: true });
});

/** An answer to a request, which goes out as it is written: fetch would tidy its path. */
function ask(path: string, options: { method?: string; host?: string; body?: string } = {}) {
  return new Promise<{ status: number; text: string; headers: NodeJS.Dict<string | string[]> }>((resolve, reject) => {
    const headers = { host: options.host ?? `127.0.0.1:${server.port}` };
    const sent = request({ port: server.port, path, method: options.method ?? 'GET', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode as number, text, headers: response.headers }));
    });
    sent.on('error', reject);
    sent.end(options.body);
  });
}

describe('pages', () => {
  it('of all runs, in light of each other', async () => {
    const { status, text, headers } = await ask('/');
    expect(status).toBe(200);
    expect(text).toContain('href="/run/second%20%26%20last"');
    expect(text).toContain('&#60;script&#62;');
    expect(text).not.toContain(evil);
    expect(text).not.toContain('secret');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it('of chosen runs', async () => {
    const { text } = await ask('/?run=first');
    expect(text.match(/<th scope="row">/g)?.length).toBe(1);
    expect((await ask('/?run=first&run=other')).status).toBe(404);
  });

  it('of one run', async () => {
    const { status, text } = await ask('/run/second%20%26%20last');
    expect(status).toBe(200);
    expect(text).toContain('Confusion matrix');
    expect(await ask('/run/second%20%26%20last', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
  });

  it('show a run that is damaged, and go on', async () => {
    mkdirSync(join(runs, 'bad'));
    writeFileSync(join(runs, 'bad', 'run.json'), '{');
    const { status, text } = await ask('/');
    expect(status).toBe(200);
    expect(text).toMatch(/bad: serve: .*run\.json.*must be JSON/);
    rmSync(join(runs, 'bad'), { recursive: true });
    expect((await ask('/')).text).not.toContain('bad:');
  });
});

describe('requests for what is not there', () => {
  it.each([
    '/run/../secret',
    '/run/%2e%2e/secret',
    '/run/..%2fsecret',
    '/run/..%5csecret',
    '/run/link',
    '/run/no-run',
    '/run/',
    '/run/first/',
    '/run/first/run.json',
    '/run/__proto__',
    '/run/%00',
    '/../../etc/passwd',
    '//etc/passwd',
    '/run/first%2fevents.jsonl',
    '/favicon.ico',
  ])('%s is no page', async (path) => {
    const { status, text } = await ask(path);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(text).not.toContain('secret');
  });

  it('are answered as what they are', async () => {
    expect((await ask('/run/%E0%A4%A')).status).toBe(400);
    for (const method of ['POST', 'PUT', 'PATCH']) {
      expect((await ask('/', { method, body: 'x'.repeat(100_000) })).status).toBe(405);
    }
    for (const method of ['DELETE', 'OPTIONS']) expect((await ask('/', { method })).status).toBe(405);
    expect((await ask('/', { host: 'evil.example' })).status).toBe(421);
    expect((await ask('/', { host: `localhost:${server.port}` })).status).toBe(200);
    expect((await ask(`/?run=${'x'.repeat(20_000)}`)).status).toBe(400);
  });

  it('that are garbage get an error, and the server lives', async () => {
    let seed = 1;
    const random = (n: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % n;
    };
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) => {
        const bytes = Buffer.from(Array.from({ length: 1 + random(300) }, () => random(256)));
        const head = ['', 'GET ', 'GET / HTTP/1.1\r\n', 'GET / HTTP/9.9\r\n\r\n', 'GET /run/'][i % 5] as string;
        return new Promise<string>((resolve) => {
          const socket = connect(server.port, '127.0.0.1', () => socket.end(Buffer.concat([Buffer.from(head), bytes])));
          let text = '';
          socket.on('data', (part) => {
            text += part;
          });
          socket.on('error', () => {});
          socket.on('close', () => resolve(text));
        });
      }),
    );
    const statuses = answers.filter((text) => text !== '').map((text) => /^HTTP\/1\.1 (\d)/.exec(text)?.[1]);
    expect(new Set(statuses)).toEqual(new Set(['4']));
    expect((await ask('/')).status).toBe(200);
  });
});

describe('the server', () => {
  it('refuses a folder that is none, a file, and a port that is taken', async () => {
    await expect(train.serve(join(place, 'none'))).rejects.toThrow(FileError);
    await expect(train.serve(join(runs, 'first', 'run.json'))).rejects.toThrow('must be a folder, got a file');
    await expect(train.serve(runs, { port: server.port })).rejects.toThrow(ArgumentError);
    await expect(train.serve(runs, { port: server.port })).rejects.toThrow('serve: host and port must be free');
  });

  it('tells those who follow that a run has grown, and closes while they do', async () => {
    const other = await train.serve(runs, { port: 0 });
    const told = new Promise<void>((resolve, reject) => {
      request({ port: other.port, path: '/events' }, (response) => {
        response.setEncoding('utf8').on('data', (text: string) => {
          if (text.includes('data: new')) resolve();
        });
      })
        .on('error', reject)
        .end();
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    appendFileSync(
      join(runs, 'first', 'events.jsonl'),
      '{"type":"step","step":1001,"epoch":1,"time":1,"values":{"loss":1}}\n',
    );
    await told;
    await other.close();
    await expect(fetch(other.url)).rejects.toThrow();
  });
});

describe.skipIf(!chromium)(`a live page in Chromium${needed}`, { timeout: 180_000 }, () => {
  let browser: Browser;
  beforeAll(() => {
    browser = new Browser();
  });
  afterAll(() => browser.close());

  test.each([
    ['light', false],
    ['dark', true],
  ])('compares runs, in %s', async (name, dark) => {
    const page = await browser.page({ dark });
    await page.open(server.url);
    await page.screenshot(`runs-${name}`);
    expect(await page.evaluate('document.querySelectorAll("#comparison svg").length')).toBeGreaterThan(0);
    expect(page.complaints).toEqual([]);
  });

  test('follows a run, and keeps what is open, chosen and focused', async () => {
    const log = new train.RunLog(join(runs, 'growing'));
    log.onStep({ epoch: 1, step: 1, values: { loss: 1 } });
    log.onStep({ epoch: 1, step: 2, values: { loss: 0.5 } });
    const page = await browser.page();
    await page.open(`${server.url}run/growing`);
    const rows = `document.querySelector('#curves tbody td')?.textContent`;
    expect(await page.evaluate(rows)).toBe('0.5');
    await page.press('Tab');
    await page.press('Tab');
    const focused = 'document.activeElement.textContent';
    const before = await page.evaluate(focused);
    expect(before).toBe('All runs');
    log.onStep({ epoch: 1, step: 3, values: { loss: 0.25, accuracy: 0.9 } });
    await expect.poll(() => page.evaluate(rows), { timeout: 60_000 }).toBe('0.25');
    expect(await page.evaluate('document.querySelectorAll("#curves svg").length')).toBe(2);
    expect(await page.evaluate(focused)).toBe(before);
    expect(await page.evaluate('document.getElementById("live").textContent')).toContain('Live');
    await page.screenshot('run-live');
    expect(page.complaints).toEqual([]);
  });
});
