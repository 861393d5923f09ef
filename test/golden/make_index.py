"""Elements that brackets give in PyTorch 2.15, and what assignments to them leave: test/golden/index.json.

An index is a number, null, '...', a slice {start, end, step}, {"positions": ...} or {"mask": ...}.
"""
import json
import os

import torch


def item_of(spec):
    if spec == '...':
        return Ellipsis
    if isinstance(spec, dict):
        if 'positions' in spec:
            return torch.tensor(spec['positions'], dtype=torch.int64)
        if 'mask' in spec:
            return torch.tensor(spec['mask'], dtype=torch.bool)
        return slice(spec.get('start'), spec.get('end'), spec.get('step'))
    return spec


def positions(*values):
    return {'positions': list(values)}


two = positions(1, 0)
pairs = positions([0, 1], [2, -1])
column = positions([1], [0], [-1])
every = {}
cases = [
    [0], [-1, 2], [1, 0, 3], [], ['...'], ['...', -1], [None], [every, None, 1], [{'start': 1}], [every, {'end': -1}],
    [every, {'start': 0, 'end': 3, 'step': 2}, {'start': -2}], [two], [every, two], [every, every, pairs], [positions([0, 1], [1, -1])],
    [two, two], [every, two, two], [two, every, two], [every, column, two], [column, two], [two, 0], [0, two, two],
    [0, every, two], [two, 0, two], [two, None, two], [positions(), every], [two, '...', positions(3, -4)], [two, pairs, pairs],
    [{'mask': [True, False]}], [every, {'mask': [True, False, True]}], [{'mask': [[True, False, True], [False, False, True]]}],
    [{'mask': [[False] * 3] * 2}], [1, {'mask': [[True, False, True, False]] * 3}], [{'mask': [True, True]}, two],
    [{'mask': [False, True]}, every, positions(2, 1, -1)], [{'positions': 1}], [{'positions': -1}, every, two],
]
results = []
for dims in cases:
    x = torch.arange(24, dtype=torch.float64).reshape(2, 3, 4)
    x.requires_grad_(True)
    where = tuple(item_of(spec) for spec in dims)
    y = x[where]
    weights = torch.arange(1, y.numel() + 1, dtype=torch.float64).reshape(y.shape)
    (gradient,) = torch.autograd.grad((y * weights).sum(), [x])
    put = x.detach().clone()
    put[where] = -1
    entry = {'indices': dims, 'shape': list(y.shape), 'data': y.flatten().tolist(), 'gradient': gradient.flatten().tolist(),
             'put': put.flatten().tolist()}
    results.append(entry)

with open(os.path.join(os.path.dirname(__file__), 'index.json'), 'w') as file:
    file.write('[\n' + ',\n'.join(json.dumps(entry) for entry in results) + '\n]\n')
