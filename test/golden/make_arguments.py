"""Makes ../fixtures/pytorch-names/arguments.json: the arguments that may be left out, or given by keyword alone, of each public
name of PyTorch 2.15 in the lists beside it. Built-in functions are read from PyTorch's type stubs; names without a signature are
left out.
"""
import ast
import importlib
import inspect
import json
import pathlib
import typing

import torch

HERE = pathlib.Path(__file__).parent
LISTS = HERE.parent / 'fixtures' / 'pytorch-names'
STUBS = pathlib.Path(torch.__file__).parent


def of_ast(f):
    a = f.args
    plain = a.posonlyargs + a.args
    optional = plain[len(plain) - len(a.defaults):] if a.defaults else []
    return [p.arg for p in optional + a.kwonlyargs]


def stub(path, cls=None):
    """name → arguments of all overloads."""
    body = ast.parse((STUBS / path).read_text()).body
    if cls is not None:
        body = next(n for n in body if isinstance(n, ast.ClassDef) and n.name == cls).body
    found = {}
    for n in body:
        if isinstance(n, ast.FunctionDef):
            names = found.setdefault(n.name, [])
            names += [p for p in of_ast(n) if p not in names]
    return found


def inspected(f):
    target = f.__init__ if inspect.isclass(f) else f
    overloads = typing.get_overloads(target)
    names = []
    for g in overloads or [target]:
        for p in inspect.signature(g).parameters.values():
            optional = p.default is not inspect.Parameter.empty or p.kind is inspect.Parameter.KEYWORD_ONLY
            if optional and p.kind is not inspect.Parameter.VAR_KEYWORD and p.name not in names:
                names.append(p.name)
    return names


FUNCTIONS = stub('_C/_VariableFunctions.pyi')
TENSOR = stub('_C/__init__.pyi', 'TensorBase')


def arguments(module, place, name):
    f = getattr(place, name, None)
    for g in (f, getattr(torch._C._nn, name, None)):
        try:
            return inspected(g)
        except (TypeError, ValueError, AttributeError):
            pass
    table = TENSOR if module == 'Tensor' else FUNCTIONS
    if name in table and module != 'linalg':
        return table[name]
    line = next((l for l in (getattr(f, '__doc__', None) or '').replace('\\', '').splitlines() if '->' in l), None)
    if line is None or '(' not in line:
        return None
    try:
        return of_ast(ast.parse('def f' + line[line.index('('):line.rindex('->')] + ': pass').body[0])
    except SyntaxError:
        return None


result = {}
for path in sorted(LISTS.glob('*.txt')):
    module = path.stem
    place = torch.Tensor if module == 'Tensor' else torch if module == 'torch' else importlib.import_module('torch.' + module)
    rows = {}
    for name in path.read_text().split():
        own = arguments(module, place, name)
        own = own and sorted({a for a in own if not a.startswith('_')} - {'out', 'self', 'input'})
        if own:
            rows[name] = own
    result[module] = rows
text = ',\n'.join(
    f' {json.dumps(m)}: {{\n' + ',\n'.join(f'  {json.dumps(n)}: {json.dumps(a)}' for n, a in rows.items()) + '\n }'
    for m, rows in result.items())
(LISTS / 'arguments.json').write_text('{\n' + text + '\n}\n')
print({m: len(rows) for m, rows in result.items()})
