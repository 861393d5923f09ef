// The licences of what prebuilt binaries hold beside adjoint's own code.

/** The text of prebuilds/LICENSES.md, given the licences as the sources of OpenBLAS, Gloo and mingw-w64 have them. */
export function licenses(openBlasText, glooText, mingwText) {
  return `# What the prebuilt binaries hold

adjoint's own code is under the MIT licence (LICENSE). Linked into the binaries are:

## OpenBLAS (all platforms)

\`\`\`
${openBlasText.trim()}
\`\`\`

## Gloo (Linux), with repairs

\`\`\`
${glooText.trim()}
\`\`\`

## libstdc++ and libgcc, the run-time libraries of GCC (Linux with glibc)

Copyright (C) Free Software Foundation, Inc. Under the GNU General Public License, version 3 or later, with the GCC
Runtime Library Exception, version 3.1 (https://www.gnu.org/licenses/gcc-exception-3.1.html), which permits to convey a
program that GCC compiled together with these libraries under terms of one's own choice.

## libc++, libc++abi, libunwind and compiler-rt, the run-time libraries of LLVM (Linux with musl, macOS, Windows)

Copyright (c) the LLVM Project's contributors. Under the Apache License, version 2.0, with LLVM Exceptions
(https://llvm.org/LICENSE.txt); as embedded in compiled object code they may be redistributed without their notices.

## mingw-w64, what starts a DLL (Windows)

\`\`\`
${mingwText.trim()}
\`\`\`

## node-addon-api (all platforms, headers)

Copyright (c) 2017 Node.js API collaborators. Under the MIT licence, whose text is that of LICENSE.
`;
}
