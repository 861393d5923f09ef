"""guesses.json: lines that PyTorch's documentation shows, the line that its user would try here, and PyTorch's value.

The JavaScript is made from the Python by the rules of docs/from-pytorch.md alone: snake_case becomes camelCase (and `keepdim` keepDim), `keyword=` becomes
an entry of one object behind the other arguments, classes are made by `new` and called by `forward`, `x[0]` is `x.at(0)`,
`x[:, 1:]` is
`x.index({}, { start: 1 })`, operators are methods. What needs another spelling is not in this table but among the messages of first-guesses.test.ts.

    python test/golden/make_guesses.py    # PyTorch 2.15
"""
import ast
import json
import math
import pathlib
import re

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
from torch.optim import lr_scheduler

OPERATORS = {ast.Add: 'add', ast.Sub: 'sub', ast.Mult: 'mul', ast.Div: 'div', ast.MatMult: 'matmul', ast.Pow: 'pow',
             ast.Mod: 'remainder', ast.Lt: 'lt', ast.LtE: 'le', ast.Gt: 'gt', ast.GtE: 'ge', ast.Eq: 'eq', ast.NotEq: 'ne'}
DTYPES = {'float32': 'float32', 'float': 'float32', 'float64': 'float64', 'double': 'float64', 'int32': 'int32',
          'long': 'int32', 'int64': 'int32', 'uint8': 'uint8'}


def camel(name):
    if name == 'keepdim':  # the one name that is two words here
        return 'keepDim'
    return re.sub(r'(?<=.)_(?=[a-z0-9])(.)', lambda m: m.group(1).upper(), name)


def is_class(node):
    return isinstance(node, ast.Attribute) and node.attr[0].isupper() and node.attr not in ('T', 'H')


def is_gap(node):
    return isinstance(node, ast.Constant) and node.value in (None, ...)


def js_index(node):
    if isinstance(node, ast.Slice):
        given = [(k, getattr(node, n)) for k, n in (('start', 'lower'), ('end', 'upper'), ('step', 'step'))]
        text = ', '.join(f'{k}: {js(v)}' for k, v in given if v is not None)
        return f'{{ {text} }}' if text else '{}'
    if is_gap(node):
        return 'null' if node.value is None else '"..."'
    return js(node)


def js(node):
    if isinstance(node, ast.Expression):
        return js(node.body)
    if isinstance(node, ast.Constant):
        v = node.value
        return 'undefined' if v is None else json.dumps(v)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        isNumber = isinstance(node.operand, ast.Constant) or js(node.operand) in ('Infinity', 'Math.PI')
        return f'-{js(node.operand)}' if isNumber else f'{js(node.operand)}.neg()'
    if isinstance(node, (ast.List, ast.Tuple)):
        return f'[{", ".join(js(e) for e in node.elts)}]'
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.BinOp) and isinstance(node.left, (ast.Constant, ast.UnaryOp)):
        return f'{OPERATORS[type(node.op)]}({js(node.left)}, {js(node.right)})'
    if isinstance(node, ast.BinOp):
        return f'{js(node.left)}.{OPERATORS[type(node.op)]}({js(node.right)})'
    if isinstance(node, ast.Compare):
        return f'{js(node.left)}.{OPERATORS[type(node.ops[0])]}({js(node.comparators[0])})'
    if isinstance(node, ast.Subscript):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        numbers = all(isinstance(p, (ast.Constant, ast.UnaryOp)) and not is_gap(p) for p in parts)
        return f'{js(node.value)}.{"at" if numbers else "index"}({", ".join(js_index(p) for p in parts)})'
    if isinstance(node, ast.Attribute):
        base = node.value.id if isinstance(node.value, ast.Name) else None
        if base == 'torch' and node.attr in DTYPES:
            return json.dumps(DTYPES[node.attr])
        if base == 'torch':
            return camel(node.attr)
        if base == 'math':
            return {'pi': 'Math.PI', 'inf': 'Infinity'}[node.attr]
        if base == 'F':
            return f'nn.functional.{camel(node.attr)}'
        return f'{js(node.value)}.{camel(node.attr)}'
    if isinstance(node, ast.Call):
        args = [js(a) for a in node.args]
        if node.keywords:
            args.append('{ ' + ', '.join(f'{camel(k.arg)}: {js(k.value)}' for k in node.keywords) + ' }')
        text = ', '.join(args)
        if isinstance(node.func, ast.Call) and is_class(node.func.func):
            return f'{js(node.func)}.forward({text})'
        return f'{"new " if is_class(node.func) else ""}{js(node.func)}({text})'
    raise ValueError(ast.dump(node))


X = torch.tensor([[1.0, -2.0, 3.0], [0.5, 5.0, -6.0]])
Y = torch.tensor([[2.0, 1.0, -1.0], [4.0, 0.25, 3.0]])
NAMES = {
    'x': X, 'y': Y, 'v': torch.tensor([3.0, 1.0, 2.0]), 'w': torch.tensor([0.5, -1.0, 2.0]),
    'sq': torch.tensor([[4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.5, -1.0, 5.0]]),
    'batch': (torch.arange(24.0).reshape(2, 3, 4) * 7 % 11 - 4) / 3,
    'image': (torch.arange(72.0).reshape(1, 2, 6, 6) * 5 % 13 - 6) / 4,
    'kernel': (torch.arange(54.0).reshape(3, 2, 3, 3) * 3 % 7 - 3) / 5,
    'sequence': (torch.arange(20.0).reshape(1, 2, 10) * 3 % 7 - 3) / 2,
    'index': torch.tensor([[0, 2], [1, 0]], dtype=torch.int64), 'row': torch.tensor([1, 0], dtype=torch.int64),
    'labels': torch.tensor([2, 0], dtype=torch.int64), 'mask': torch.tensor([[True, False, True], [False, True, False]]),
    'p': torch.tensor([0.2, 0.7, 0.9]), 'target': torch.tensor([0.0, 1.0, 1.0]),
}

GUESSES = pathlib.Path(__file__).with_name('guesses.txt').read_text().strip().split('\n')


def plain(value):
    if isinstance(value, torch.Tensor):
        data = value.detach()
        data = data.double() if data.dtype != torch.bool else data.double()
        return {'shape': list(value.shape), 'data': [encode(v) for v in data.reshape(-1).tolist()]}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def encode(v):
    return v if math.isfinite(v) else 'NaN' if math.isnan(v) else 'Infinity' if v > 0 else '-Infinity'


rows = []
for line in GUESSES:
    if not line or line.startswith('#'):
        continue
    kind, python = ('shape', line[6:]) if line.startswith('shape ') else ('value', line)
    names = {k: v.clone() for k, v in NAMES.items()}
    value = eval(python, {'torch': torch, 'nn': nn, 'F': F, 'optim': optim, 'lr_scheduler': lr_scheduler, 'math': math}, names)
    expected = plain(value)
    if kind == 'shape':
        expected = {'shape': expected['shape']}
    rows.append({'python': python, 'guess': js(ast.parse(python, mode='eval')), 'expected': expected})
inputs = {k: {**plain(v), 'dtype': 'int32' if v.dtype == torch.int64 else 'uint8' if v.dtype == torch.bool else 'float32'}
          for k, v in NAMES.items()}
text = json.dumps({'torch': torch.__version__, 'inputs': inputs}, separators=(',', ':'))[:-1]
body = ',\n'.join(json.dumps(r, separators=(',', ':'), ensure_ascii=False) for r in rows)
pathlib.Path(__file__).with_name('guesses.json').write_text(f'{text},"rows":[\n{body}\n]}}\n')
print(len(rows), 'guesses')
