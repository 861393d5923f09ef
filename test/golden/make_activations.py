"""Makes activations.json: `functions`: {name, args, input, output, upstream, gradient}; args are numbers after the input, at kinks
and infinities too. `prelu`: {input, weight, output, upstream, inputGradient, weightGradient}.
"""
import math

import torch
from torch.nn import functional as F

from common import FLOATS, encode, write

VALUES = [-math.inf, -50, -6, -3, -1.5, -0.5, -0.25, 0, 0.25, 0.5, 1, 2.5, 3, 6, 7, 50, math.inf]
CASES = [('relu6', ()), ('celu', ()), ('celu', (2.5,)), ('hardsigmoid', ()), ('hardswish', ()), ('hardshrink', ()),
         ('hardshrink', (1.5,)), ('softshrink', ()), ('softshrink', (1.5,)), ('tanhshrink', ()), ('logsigmoid', ()),
         ('softsign', ()), ('threshold', (0.5, -2.0)), ('rrelu', (0.25, 0.5)), ('glu', (0,)), ('glu', (1,)), ('softmin', (1,))]
FINITE = ('glu', 'softmin')


def case(name, args, dtype):
    values = [v for v in VALUES if math.isfinite(v)] + [1.25] if name in FINITE else VALUES
    x = torch.tensor(values, dtype=dtype)
    x = (x.reshape(4, 4) if name in FINITE else x).requires_grad_(True)
    # PyTorch's own gradient of hardsigmoid takes 1/6 in float32.
    y = F.relu6(x + 3) / 6 if name == 'hardsigmoid' else getattr(F, name)(x, *args)
    upstream = torch.linspace(1, 2, y.numel(), dtype=torch.float64).to(dtype).view_as(y)
    y.backward(upstream)
    return {'name': name, 'args': args, 'input': encode(x), 'output': encode(y), 'upstream': encode(upstream),
            'gradient': encode(x.grad)}


def prelu(shape, channels, dtype):
    x = torch.randn(shape, dtype=dtype, requires_grad=True)
    weight = torch.randn(channels, dtype=dtype, requires_grad=True)
    y = F.prelu(x, weight)
    upstream = torch.randn_like(y)
    y.backward(upstream)
    return {'input': encode(x), 'weight': encode(weight), 'output': encode(y), 'upstream': encode(upstream),
            'inputGradient': encode(x.grad), 'weightGradient': encode(weight.grad)}


torch.manual_seed(3)
write('activations.json', {
    'functions': [case(*c, dtype) for dtype in FLOATS.values() for c in CASES],
    'prelu': [prelu(*c, dtype) for dtype in FLOATS.values() for c in (((5,), 1), ((2, 3), 3), ((2, 3, 4), 1), ((2, 3, 2, 2), 3))]})
