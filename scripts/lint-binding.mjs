// Finds code that runs JavaScript while an export of the addon reads its arguments: conversions call `valueOf`, properties
// call getters, and both may dispose a tensor whose memory the export has looked up. native/binding/arguments.h reads
// without either. Exits with 1 if a file breaks the rule; folders other than native/binding may be given.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const forbidden =
  /\b(To(Number|String|Boolean|Object)|(Uint32|Int32|Int64|Float|Double|Utf8|Utf16)Value)\(|\bnapi_coerce_\w+|\bnapi_(get|has)_(named_|own_)?(property|element)\w*|\bnapi_get_all_property\w+|\bAs<Napi::(Array|Object)>|\.Get(PropertyNames)?\(/;

const folder = process.argv[2] ?? fileURLToPath(new URL('../native/binding', import.meta.url));
let found = 0;
for (const file of readdirSync(folder).sort()) {
  readFileSync(join(folder, file), 'utf8')
    .split('\n')
    .forEach((line, i) => {
      const what = forbidden.exec(line.replace(/\/\/.*/, ''));
      if (what === null) return;
      found += 1;
      console.log(`${file}:${i + 1}: ${what[0]} may run JavaScript; read the argument by arguments.h`);
    });
}
console.log(`Read without conversions: ${found === 0 ? 'all of' : `${found} places break the rule in`} ${folder}`);
if (found > 0) process.exitCode = 1;
