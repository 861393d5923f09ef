/** @internal Where a thread's program is, such as `distributed/heart`: among the parts of the package, or in a build of single files. */
export function threadFile(name: 'distributed/heart' | 'distributed/store-worker' | 'rl/environment-worker'): URL {
  const isOwn = import.meta.url.endsWith('/thread-file.js');
  return new URL(isOwn ? `./${name}.js` : `./parts/${name.slice(name.indexOf('/') + 1)}.js`, import.meta.url);
}

/** @internal What a thread is started with: this process's flags, but for that of `node --input-type=module -e`, which a file refuses. */
export function threadOptions(workerData: unknown): { workerData: unknown; execArgv: string[] } {
  return { workerData, execArgv: process.execArgv.filter((flag) => !flag.startsWith('--input-type')) };
}
