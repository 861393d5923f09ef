// The runs of a folder, read again when they have grown, and the pages about them.
import { basename, join, resolve } from 'node:path';
import { AdjointError } from '../errors.js';
import { comparison } from './report-curves.js';
import { reportOf } from './report-sections.js';
import { Html, html, page, section } from './report-text.js';
import { RunReader, type RunRecord, runsIn } from './run-reader.js';

const head = new Html('<script src="/app.js" defer></script>');
const status = html`<p class="state" id="live" role="status">Reload the page to see what is new.</p>`;

/** The runs in a folder. */
export class Runs {
  readonly #readers = new Map<string, RunReader>();
  /** Runs whose record is damaged, and what is wrong with it. */
  readonly #damaged = new Map<string, string>();
  /** Pages by address, as long as nothing is new. */
  readonly #pages = new Map<string, string>();

  /** Grows whenever there is something new. */
  version = 0;

  constructor(readonly folder: string) {}

  /** Reads what is new. */
  update(): void {
    const names = runsIn('serve', this.folder);
    const before = this.#state();
    let isNew = false;
    for (const name of new Set([...this.#readers.keys(), ...this.#damaged.keys()])) {
      if (names.includes(name)) continue;
      this.#readers.delete(name);
      this.#damaged.delete(name);
    }
    for (const name of names) isNew = this.#read(name) || isNew;
    isNew ||= this.#state() !== before;
    if (!isNew) return;
    this.#pages.clear();
    this.version++;
  }

  #state(): string {
    return JSON.stringify([[...this.#readers.keys()], [...this.#damaged]]);
  }

  #read(name: string): boolean {
    try {
      const reader = this.#readers.get(name);
      if (reader) return reader.update();
      this.#readers.set(name, new RunReader('serve', join(this.folder, name)));
      this.#damaged.delete(name);
      return true;
    } catch (error) {
      if (!(error instanceof AdjointError)) throw error;
      this.#readers.delete(name);
      this.#damaged.set(name, error.message);
      return false;
    }
  }

  #sorted(): [string, RunRecord][] {
    const list = [...this.#readers].map(([name, { run }]): [string, RunRecord] => [name, run]);
    return list.sort(([, a], [, b]) => (a.started < b.started ? -1 : 1));
  }

  /** The page of all runs, or of the chosen ones beside each other; undefined when there is no such run. */
  async overview(chosen: readonly string[]): Promise<string | undefined> {
    if (chosen.some((name) => !this.#readers.has(name))) return undefined;
    const runs = this.#sorted();
    const compared = runs.filter(([name]) => chosen.length === 0 || chosen.includes(name));
    return await this.#once(JSON.stringify(compared.map(([name]) => name)), async () => {
      const title = `Runs in ${basename(resolve(this.folder))}`;
      const list = runs.map(([name, run]) => this.#item(name, run, chosen.includes(name)));
      const damaged = [...this.#damaged].map(([name, message]) => html`<li>${name}: ${message}</li>`);
      const form = html`<form method="get" action="/"><ul class="runs">${list}</ul><button>Compare the chosen</button></form>`;
      const charts = compared.length > 0 ? await comparison(compared.map(([, run]) => run)) : [];
      const body = html`<header><h1>${title}</h1></header>
<main id="content" tabindex="-1">
${section('runs', 'Runs', list.length > 0 ? form : html`<p>There are none yet.</p>`)}
${section('comparison', 'Comparison', charts)}
${damaged.length > 0 ? html`<ul class="warnings">${damaged}</ul>` : ''}
</main>`;
      return page(title, head, html`${status}${body}`);
    });
  }

  #item(name: string, run: RunRecord, isChosen: boolean): Html {
    const box = html`<input type="checkbox" name="run" value="${name}" aria-label="compare ${run.name}"${isChosen ? html` checked` : ''}>`;
    const state = `step ${run.at.step}, ${run.end ?? 'no end recorded'}`;
    return html`<li>${box} <a href="/run/${encodeURIComponent(name)}">${run.name}</a> <small>${state}</small></li>`;
  }

  /** The page of a run; undefined when there is none of this name. */
  async report(name: string): Promise<string | undefined> {
    const reader = this.#readers.get(name);
    if (reader === undefined) return undefined;
    return await this.#once(`/${name}`, async () => {
      const others = this.#sorted().filter(([other]) => other !== name);
      const body = await reportOf(
        reader.run,
        others.slice(-15).map(([, run]) => run),
      );
      return page(reader.run.name, head, html`<p><a href="/">All runs</a></p>${status}${body}`);
    });
  }

  async #once(key: string, make: () => Promise<string>): Promise<string> {
    const made = this.#pages.get(key) ?? (await make());
    if (this.#pages.size >= 50) this.#pages.clear();
    this.#pages.set(key, made);
    return made;
  }
}
