// The programs of README and docs: their blocks, and running one.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import * as adjoint from '../../lib/index.js';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A page's text. */
export const readPage = (file: string): string => readFileSync(join(root, file), 'utf8');

/** The code blocks of a language in a text. */
export const blocks = (text: string, language = 'js'): string[] =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map((match) => match[1] as string);

export type Program = (this: object, ...values: unknown[]) => Promise<unknown>;
export const AsyncFunction = (async () => {}).constructor as new (...parameters: string[]) => Program;

/** Runs a program with the library's exports in sight; returns what it printed. */
export async function runProgram(code: string): Promise<unknown[]> {
  const printed: unknown[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line) => printed.push(line));
  const body = code.replace(/^import .*;$/gm, '');
  const { var: _, ...inSight } = adjoint; // a keyword cannot be a parameter
  try {
    await new AsyncFunction(...Object.keys(inSight), body).call({}, ...Object.values(inSight));
  } finally {
    log.mockRestore();
  }
  return printed;
}
