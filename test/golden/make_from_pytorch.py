"""Makes from_pytorch.json: what the Python programs of docs/from-pytorch.md print, and the two files of weights that
the page's programs hand to each other. test/package/from-pytorch.test.ts compares the programs beside them.

    pip install safetensors; npm run setup; /usr/bin/python3 test/golden/make_from_pytorch.py

Programs run in the page's order, each section after the first two blocks (`numbers` and `fill`). A JavaScript program
runs only where a Python program of the same section follows, which reads what it saved.
"""
import contextlib
import functools
import hashlib
import io
import os
import re
import shutil
import subprocess
import tempfile

import torch
import torch.utils.data

from common import write

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, '../..')
FILES = ['from-torch.safetensors', 'from-adjoint.safetensors']

with open(os.path.join(ROOT, 'docs/from-pytorch.md')) as file:
    page = file.read()


def blocks(text):
    return re.findall(r'```(python|js)\n(.*?)```', text, re.S)


RUNNER = """
import { readFileSync } from 'node:fs';
const adjoint = await import(process.argv[1]);
const AsyncFunction = (async () => {}).constructor;
await new AsyncFunction(...Object.keys(adjoint), readFileSync(0, 'utf8'))(...Object.values(adjoint));
"""


def run_node(prelude, code):
    """As test/support/pages.ts does: with the library's exports in sight instead of the imports."""
    library = 'file://' + os.path.realpath(os.path.join(ROOT, 'dist/index.js'))
    program = re.sub(r'^import .*;$', '', f'{prelude}{{\n{code}}}', flags=re.M)
    subprocess.run(['node', '--input-type=module', '-e', RUNNER, library], input=program, text=True, check=True)


def printed(section, prelude):
    """The lines that the section's Python programs print; they go on from one another."""
    names, out = {}, io.StringIO()
    exec(prelude['python'], names)
    programs = blocks(section)
    for i, (language, code) in enumerate(programs):
        if language == 'python':
            with contextlib.redirect_stdout(out):
                exec(code, names)
        elif any(later == 'python' for later, _ in programs[i + 1:]):
            run_node(prelude['js'], code)
    return out.getvalue().splitlines()


def check_names():
    """What the tables say PyTorch calls things must exist there."""
    places = {'torch': torch, 'nn': torch.nn, 'F': torch.nn.functional, 't': torch.Tensor}
    rows = re.findall(r'^\| ([^|]*`[^|]*) \|[^|]*\|[^|]*\|$', page, re.M)
    name = r'`(?:with )?((?:torch|nn|F|t)(?:\.\w+)+)'
    found = [match for row in rows if '(2.0)' not in row for match in re.findall(name, row)]
    for match in found:
        place, *rest = match.split('.')
        functools.reduce(getattr, rest, places[place])
    print(f'{len(found)} names of PyTorch exist')


check_names()
first, *sections = re.split(r'^### ', page, flags=re.M)
sections = [s for s in sections if '```python' in s]
prelude = dict(blocks(first))
folder = tempfile.mkdtemp()
before = os.getcwd()
os.chdir(folder)
results = [{'title': s.split('\n')[0], 'printed': printed(s, prelude)} for s in sections]
os.chdir(before)
for name in FILES:
    shutil.copy(os.path.join(folder, name), os.path.join(HERE, name))
shutil.rmtree(folder)
source = ''.join(code for language, code in blocks(page) if language == 'python')
write('from_pytorch.json', {'source': hashlib.sha256(source.encode()).hexdigest(), 'sections': results})
