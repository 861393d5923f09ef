import type { TestContext } from 'vitest';

/** Whether a process can be asked to end: on Windows `kill` ends it at once, and nothing that it would do before is done. */
export const hasSignals = process.platform !== 'win32';

/** To be called at the beginning of a test that asks a process to end. */
export const skipWithoutSignals = (skip: TestContext['skip']) => skip(!hasSignals, 'Windows has no signals');
