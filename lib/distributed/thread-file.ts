/** @internal Where a thread's program is: among the parts of the package, or beside this module in a build of single files. */
export function threadFile(name: 'heart' | 'store-worker'): URL {
  const isOwn = import.meta.url.endsWith('/thread-file.js');
  return new URL(`${isOwn ? './' : './parts/'}${name}.js`, import.meta.url);
}
