import { readFileSync } from 'node:fs';

/**
 * The most memory that this process has held, in bytes. On Linux `process.resourceUsage()` begins with what the parent held, which
 * for `npx` is npm.
 */
export function peakMemory(): number {
  let status = '';
  try {
    status = readFileSync('/proc/self/status', 'utf8');
  } catch {} // not Linux
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return 1024 * (kilobytes === undefined ? process.resourceUsage().maxRSS : Number(kilobytes));
}
