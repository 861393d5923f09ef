import { basename, dirname, join, resolve } from 'node:path';
import { writeFileAtomic } from '../io/atomic.js';
import { checkPath } from '../io/files.js';
import { checkOptions } from '../options.js';
import { reportOf } from './report-sections.js';
import { html, page, policy } from './report-text.js';
import { RunReader, type RunRecord, runsIn } from './run-reader.js';

/** Options of {@link report}. */
export interface ReportOptions {
  /** Where the page is written, default `report.html` in the folder of the run. */
  path?: string;
}

/**
 * Writes a page about a run: curves, confusion matrix, ROC and calibration, histograms of weights and gradients, predictions,
 * worst errors, importance of features, pictures, comparison with the other runs beside it, configuration and environment, as far as
 * they were recorded ({@link RunLog}). The page is one file that needs neither network nor scripts.
 *
 * @param run the folder of the run
 * @returns the path of the page
 * @throws FileError when the record is missing or damaged, or the page cannot be written
 * @example
 * const log = new train.RunLog('runs/second');
 * log.onStep({ epoch: 1, step: 1, values: { loss: 2.3 } });
 * const path = await train.report('runs/second');
 */
export async function report(run: string, options?: ReportOptions): Promise<string> {
  checkPath('report', run, 'run');
  checkOptions('report', options, ['path']);
  const path = checkPath('report', options?.path ?? join(run, 'report.html'));
  const record = new RunReader('report', run).run;
  const head = html`<meta http-equiv="Content-Security-Policy" content="${policy("form-action 'none'")}">`;
  const text = page(record.name, head, await reportOf(record, others(run)));
  writeFileAtomic('report', path, [Buffer.from(text)]);
  return path;
}

/** The undamaged runs in the same folder that were started earlier; the last fifteen. */
function others(run: string): RunRecord[] {
  const [folder, own] = [dirname(resolve(run)), basename(resolve(run))];
  const records = runsIn('report', folder)
    .filter((name) => name !== own)
    .flatMap((name) => {
      try {
        return [new RunReader('report', join(folder, name)).run];
      } catch {
        return [];
      }
    });
  return records.sort((a, b) => (a.started < b.started ? -1 : 1)).slice(-15);
}
