import { readFileSync } from 'node:fs';

/**
 * The most memory that this process has held, in megabytes. On Linux `process.resourceUsage()` would do only for a process whose parent
 * was smaller: it begins with what the parent held.
 */
export function peakMegabytes() {
  let status = '';
  try {
    status = readFileSync('/proc/self/status', 'utf8');
  } catch {} // not Linux
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return (kilobytes === undefined ? process.resourceUsage().maxRSS : Number(kilobytes)) / 1024;
}
