// Headless Chromium, told what to do through a pipe (Chrome DevTools Protocol). Without Chromium on the PATH the tests that need
// it are skipped. Screenshots stay in test/output/screenshots.
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { root } from './pages.js';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'chrome'];

/** The path of Chromium, or undefined. */
export const chromium = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => names.map((name) => join(folder, name)))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** What to say of tests that are skipped. */
export const needed = chromium ? '' : ' (skipped: no Chromium on the PATH; Debian: apt-get install chromium)';

const screenshots = join(root, 'test', 'output', 'screenshots');

// biome-ignore lint/suspicious/noExplicitAny: answers of the protocol have a type for each method
type Answer = any;

/** A page of a browser. */
export interface Page {
  /** Loads an address and waits for its load event. */
  open(url: string): Promise<void>;
  /** The value of an expression, awaited. */
  evaluate<T>(expression: string): Promise<T>;
  /** Presses and releases a key such as `Tab` or `Enter`. */
  press(key: string): Promise<void>;
  /** Writes a text where the focus is. */
  type(text: string): Promise<void>;
  /** Keeps a picture of the whole page as `<name>.png`. */
  screenshot(name: string): Promise<void>;
  /** What the console has said: errors of scripts, and what a policy has refused. */
  complaints: string[];
  /** The addresses that were asked for over the network. */
  requests: string[];
}

export interface PageOptions {
  width?: number;
  dark?: boolean;
  scripts?: boolean;
}

export class Browser {
  readonly #process: ChildProcess;
  readonly #profile = mkdtempSync(join(tmpdir(), 'adjoint-chromium-'));
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  readonly #listeners = new Set<(message: Answer) => void>();
  #id = 0;

  constructor() {
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars'];
    const quiet = ['--no-first-run', '--disable-background-networking', '--disable-component-update'];
    const own = ['--remote-debugging-pipe', `--user-data-dir=${this.#profile}`];
    this.#process = spawn(chromium as string, [...flags, ...quiet, ...own], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      env: { ...process.env, LD_PRELOAD: '' }, // not a sanitizer's library, with which Chromium hangs
    });
    let text = '';
    (this.#process.stdio[4] as Readable).setEncoding('utf8').on('data', (part: string) => {
      const messages = (text + part).split('\0');
      text = messages.pop() as string;
      for (const message of messages) this.#receive(JSON.parse(message));
    });
    (this.#process.stdio[3] as Writable).on('error', () => {});
    this.#process.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('Chromium has ended'));
    });
  }

  #receive(message: Answer): void {
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) for (const listener of this.#listeners) listener(message);
    else {
      this.#waiting.delete(message.id);
      if (message.error) waiting.reject(new Error(message.error.message));
      else waiting.resolve(message.result);
    }
  }

  #send(method: string, params: object = {}, sessionId?: string): Promise<Answer> {
    const id = ++this.#id;
    (this.#process.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** A new page. */
  async page({ width = 1100, dark = false, scripts = true }: PageOptions = {}): Promise<Page> {
    const { targetId } = await this.#send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.#send('Target.attachToTarget', { targetId, flatten: true });
    const send = (method: string, params: object = {}) => this.#send(method, params, sessionId);
    const complaints: string[] = [];
    const requests: string[] = [];
    const loaded = new Set<string>();
    let onLoad = () => {};
    this.#listeners.add(({ method, params, sessionId: of }: Answer) => {
      if (of !== sessionId) return;
      if (method === 'Page.lifecycleEvent' && params.name === 'load') {
        loaded.add(params.loaderId);
        onLoad();
      }
      if (method === 'Log.entryAdded') complaints.push(params.entry.text);
      if (method === 'Runtime.exceptionThrown') complaints.push(params.exceptionDetails.exception?.description);
      if (method === 'Network.requestWillBeSent') requests.push(params.request.url);
    });
    for (const domain of ['Page', 'Log', 'Runtime', 'Network']) await send(`${domain}.enable`);
    await send('Page.setLifecycleEventsEnabled', { enabled: true });
    const size = { width, height: 800, deviceScaleFactor: 1, mobile: false };
    await send('Emulation.setDeviceMetricsOverride', size);
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
    await send('Emulation.setEmulatedMedia', { features });
    if (!scripts) await send('Emulation.setScriptExecutionDisabled', { value: true });
    return {
      complaints,
      requests,
      open: async (url) => {
        const { loaderId, errorText } = await send('Page.navigate', { url });
        if (errorText) throw new Error(`${url}: ${errorText}`);
        while (!loaded.has(loaderId)) {
          await new Promise<void>((resolve) => {
            onLoad = resolve;
          });
        }
      },
      evaluate: async (expression) => {
        const { result, exceptionDetails } = await send('Runtime.evaluate', {
          ...{ expression, awaitPromise: true, returnByValue: true },
        });
        if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        return result.value;
      },
      press: async (key) => {
        const codes: Record<string, number> = { Tab: 9, Enter: 13, ArrowDown: 40 };
        const event = { key, code: key, windowsVirtualKeyCode: codes[key], text: key === 'Enter' ? '\r' : undefined };
        await send('Input.dispatchKeyEvent', { type: 'keyDown', ...event });
        await send('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
      },
      type: async (text) => {
        for (const char of text) await send('Input.dispatchKeyEvent', { type: 'char', text: char });
      },
      screenshot: async (name) => {
        const { data } = await send('Page.captureScreenshot', { captureBeyondViewport: true });
        mkdirSync(screenshots, { recursive: true });
        writeFileSync(join(screenshots, `${name}.png`), Buffer.from(data, 'base64'));
      },
    };
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#send('Browser.close').catch(() => {});
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(timer);
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
