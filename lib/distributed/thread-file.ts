/** @internal Where a thread's program is: among the parts of the package, or beside this module in a build of single files. */
export function threadFile(name: 'heart' | 'store-worker'): URL {
  const isBundle = import.meta.url.endsWith('/adjoint.js');
  return new URL(`${isBundle ? './parts/' : './'}${name}.js`, import.meta.url);
}
