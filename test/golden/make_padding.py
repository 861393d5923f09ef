"""Makes padding.json: padding layers, forward and backward. `layers`: {name, args, input, output, upstream, gradient}."""
import torch
from torch import nn

from common import FLOATS, encode, write

CASES = [
    ('ReflectionPad1d', (2,), (2, 5)), ('ReflectionPad2d', ((1, 2, 0, 3),), (1, 2, 4, 5)),
    ('ReflectionPad3d', (1,), (2, 3, 2, 3)), ('ReplicationPad1d', ((3, 1),), (1, 2, 3)),
    ('ReplicationPad2d', (2,), (2, 2, 3)), ('ReplicationPad3d', ((0, 1, 2, 0, 1, 1),), (1, 2, 2, 3)),
    ('CircularPad1d', ((1, 2),), (2, 4)), ('CircularPad2d', (2,), (1, 1, 3, 4)), ('CircularPad3d', (1,), (1, 2, 2, 3)),
    ('ZeroPad1d', (1,), (2, 3)), ('ZeroPad2d', ((1, -1, 2, 0),), (2, 3, 4)), ('ZeroPad3d', (1,), (1, 2, 1, 2)),
    ('ConstantPad1d', (2, 3.5), (2, 3)), ('ConstantPad2d', ((1, 0, -1, 2), -0.25), (2, 3, 3)),
    ('ConstantPad3d', (1, 0.5), (1, 2, 1, 2)),
]


def case(name, args, shape, dtype):
    x = torch.randn(shape, dtype=dtype, requires_grad=True)
    y = getattr(nn, name)(*args)(x)
    upstream = torch.randn_like(y)
    y.backward(upstream)
    return {'name': name, 'args': args, 'input': encode(x), 'output': encode(y), 'upstream': encode(upstream),
            'gradient': encode(x.grad)}


torch.manual_seed(7)
write('padding.json', {'layers': [case(*c, dtype) for dtype in FLOATS.values() for c in CASES]})
