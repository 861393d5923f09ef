// The members of OpenBLAS that native/gemm/blas.cc calls, and what those call: a tenth of the whole, which the compiler of
// another system takes too long for.
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, SetupError, step } from '../steps.mjs';

const ofKernels = ['gemm_beta', 'gemv_n', 'gemv_t', 'scal_k', 'gemm_small_matrix_permit'];
for (const kernel of ['gemm_small_kernel_', 'gemm_small_kernel_b0_']) {
  ofKernels.push(...['nn', 'nt', 'tn', 'tt'].map((transposed) => kernel + transposed));
}

/** make's lists of members: `names` for float and double. */
function lists(names, ending, more = { S: [], D: [] }) {
  return ['S', 'D'].map((type) => {
    const members = names.map((name) => name.replace('?', type.toLowerCase()) + ending);
    return `${type}BLASOBJS=${[...more[type], ...members].join(' ')}`;
  });
}

/** Makes the archive in OpenBLAS's folder by `make` with these options, for these cores. */
export function buildMembers(tree, options, cores) {
  const make = (folder, ...rest) => run('make', ['-C', join(tree, folder), '-s', ...options, ...rest]);
  const must = ({ status, output }, what) => {
    if (status !== 0) throw new SetupError(`OpenBLAS's ${what} did not build\n${output}`);
  };
  const parts = [
    ['interface', ['cblas_?gemm', 'cblas_?gemv'], 'COMMONOBJS='],
    ['driver/level3', ['?gemm_nn', '?gemm_nt', '?gemm_tn', '?gemm_tt'], 'COMMONOBJS='],
    ['driver/others', []],
  ];
  for (const [folder, names, ...rest] of parts) {
    must(make(folder, 'libs', ...lists(names, '.$(SUFFIX)'), 'CBAUXOBJS=', ...rest), folder);
  }
  const names = ofKernels.map((name) => `?${name}`);
  const more = { S: ['$(SKERNELOBJS)', 'setparam$(TSUFFIX).$(SUFFIX)'], D: ['$(DKERNELOBJS)'] };
  for (const core of cores) {
    const kernel = ['kernel', 'GOTOBLAS_MAKEFILE=', `TARGET_CORE=${core}`];
    must(make('kernel', ...kernel, ...lists(names, '$(TSUFFIX).$(SUFFIX)', more)), `kernels for ${core}`);
    addStubs(tree, options, core);
  }
  copyFileSync(join(tree, 'config.h'), join(tree, 'config_last.h'));
  copyFileSync(join(tree, 'Makefile.conf'), join(tree, 'Makefile.conf_last'));
  writeFileSync(join(tree, 'lib.grd'), '');
}

/** A core's table points to all kernels; to what ends the process in place of those that are never called. */
function addStubs(tree, options, core) {
  const folder = join(tree, 'kernel');
  const objects = readdirSync(folder).filter((name) => /\.(o|obj)$/.test(name) && name.includes(`_${core}.`));
  const built = new Set(objects.map((name) => name.replace(/\.\w+$/, '')));
  // Object files share the ends of names, so that a name is not always found alone: those of the header are looked for.
  const table = readFileSync(
    join(
      folder,
      objects.find((name) => name.startsWith('setparam_')),
    ),
    'latin1',
  );
  const header = readFileSync(join(folder, `kernel_${core}.h`), 'utf8');
  const declared = new Set([...header.matchAll(new RegExp(`\\b[a-z]\\w*_${core}(?=\\()`, 'g'))].map(([name]) => name));
  const missing = [...declared].filter((name) => table.includes(name) && !built.has(name));
  const source = join(folder, `stubs_${core}.c`);
  writeFileSync(source, missing.map((name) => `void ${name}(void) { __builtin_trap(); }\n`).join(''));
  const [compiler, archiver] = ['CC', 'AR'].map((name) => options.find((o) => o.startsWith(`${name}=`)).slice(3));
  const object = source.replace(/c$/, 'o');
  step(`leaving out ${missing.length} kernels of ${core}`, compiler, ['-O2', '-w', '-c', source, '-o', object]);
  const archive = readdirSync(tree).find((name) => /^libopenblas.*\.a$/.test(name));
  step(`adding ${built.size} for it`, archiver, ['rs', join(tree, archive), object]);
}
