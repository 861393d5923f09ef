"""Makes functions_*.json: what functions of PyTorch that this library composes of others return, and their gradients.

A case is {name, args, outputs, fields, gradients, smooth, reads}. `args` are adjoint's, in order; float tensors among them are
float64. `outputs` are the results that `fields` names (null for a tensor, a list or a value). `gradients` are those of the sum of
all float results times cos(1), cos(2), …, at the float tensors among the arguments; `smooth` says whether second derivatives
exist there; `reads`, that the function reads values, which a recorded step cannot. Numbers are multiples of 1/64, exact in
float32, too. Runs with PyTorch 2.15.
"""
import math

import torch

import common
from common import camel, encode, number, write

common.NAMES.update({torch.uint8: 'uint8', torch.int32: 'int32'})
INF, NAN = math.inf, math.nan
cases = []


def f(*values, shape=None):
    x = torch.tensor(values, dtype=torch.float64)
    return x if shape is None else x.reshape(shape)


def i(*values, shape=None):
    x = torch.tensor(values, dtype=torch.int64)
    return x if shape is None else x.reshape(shape)


def b(*values, shape=None):
    x = torch.tensor(values, dtype=torch.bool)
    return x if shape is None else x.reshape(shape)


def r(*shape, low=-2.0, high=2.0, seed=None):
    """Irregular multiples of 1/64, none equal to another."""
    generator = torch.Generator().manual_seed(len(cases) if seed is None else seed)
    count = math.prod(shape)
    steps = torch.randperm(int((high - low) * 64) - 1, generator=generator)[:count] + 1
    return (steps.double() / 64 + low).reshape(shape)


def plain(value):
    if isinstance(value, torch.Tensor):
        return encode(value.to(torch.uint8) if value.dtype == torch.bool else value)
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {camel(k): plain(v) for k, v in value.items()}
    return number(value)


def tensors(value):
    if isinstance(value, torch.Tensor):
        return [value] if value.is_floating_point() else []
    if isinstance(value, dict):
        value = list(value.values())
    return [t for v in value for t in tensors(v)] if isinstance(value, (list, tuple)) else []


def case(name, args, run=None, ours=None, fields=None, smooth=True, gradient=True, reads=False):
    """`run`: PyTorch's function, by default torch.<name>, of the arguments; a last dict is its keywords. `ours`: adjoint's
    arguments where they differ."""
    args = list(args)
    leaves = tensors(args)
    for x in leaves:
        x.requires_grad_(gradient)
    keywords = args[-1] if args and isinstance(args[-1], dict) else {}
    plains = args[:-1] if keywords else args
    outputs = (run or getattr(torch, name))(*plains, **keywords)
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    floats = [y for y in outputs if isinstance(y, torch.Tensor) and y.requires_grad]
    total = sum((y * torch.cos(torch.arange(1, y.numel() + 1, dtype=y.dtype)).view(y.shape)).sum() for y in floats)
    gradients = torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True) if floats else []
    cases.append({'name': camel(name), 'args': plain(args if ours is None else ours), 'fields': fields,
                  'outputs': [plain(y) for y in outputs], 'gradients': [plain(g) for g in gradients],
                  'smooth': smooth and bool(floats), 'reads': reads})


# Elementwise: the whole domain, and its edges.
UNARY = {
    'tan': (-3, 3), 'atan': (-4, 4), 'asin': (-1, 1), 'acos': (-1, 1), 'sinh': (-3, 3), 'cosh': (-3, 3), 'asinh': (-4, 4),
    'acosh': (1, 5), 'atanh': (-1, 1), 'erfc': (-3, 4), 'erfinv': (-1, 1), 'lgamma': (-4, 4), 'digamma': (-4, 4),
    'sinc': (-3, 3), 'logit': (0, 1), 'log2': (0, 4), 'log10': (0, 4), 'exp2': (-4, 4), 'deg2rad': (-4, 4),
    'rad2deg': (-4, 4), 'trunc': (-4, 4), 'frac': (-4, 4),
}
for name, (low, high) in UNARY.items():
    case(name, [r(2, 5, low=low, high=high)], smooth=name != 'trunc')
    case(name, [f(-INF, INF, NAN, 0.0, -0.0, 1, -1, 2, -2, 0.5, -0.5)], gradient=False)
    case(name, [f(30, -30, 1e3, -1e3, 1e-3, -1e-3, 2**-20, -2**-20, 15.5, -7.75, 700, 5e5)], gradient=False)
    case(name, [r(0, 3)], gradient=False)
case('erfinv', [1 - 2.0 ** -torch.arange(1, 24).double()], gradient=False)
case('erfc', [torch.linspace(-6, 26, 33, dtype=torch.float64)], gradient=False)
case('lgamma', [torch.linspace(0.5, 40, 80, dtype=torch.float64).mul(64).round().div(64)], gradient=False)
case('digamma', [torch.linspace(0.5, 40, 80, dtype=torch.float64).mul(64).round().div(64)], gradient=False)
for n in (0, 1, 2, 3):
    case('polygamma', [n, r(6, low=0, high=8)])
case('polygamma', [1, r(6, low=-4, high=0)])
case('logit', [r(6, low=-1, high=2), 0.25], smooth=False)
EDGES = [0.0, -0.0, 1, -1, INF, -INF, NAN, 2.5, -2.5]
grid = f(*EDGES).repeat_interleave(len(EDGES)), f(*EDGES).repeat(len(EDGES))
for name in ('atan2', 'hypot', 'xlogy', 'logaddexp', 'logaddexp2', 'fmod', 'remainder', 'copysign'):
    low = 0.0 if name == 'xlogy' else -3.0
    smooth = name not in ('fmod', 'remainder')
    case(name, [r(2, 4), r(4, low=low, high=3)], smooth=smooth)
    case(name, [r(2, 1), r(3, low=low, high=3, seed=1)], smooth=smooth)
    case(name, [t.clone() for t in grid], gradient=False)
case('xlogy', [f(0, 2), f(3, 1)], smooth=False)
case('floor_divide', [t.clone() for t in grid], gradient=False)
for name in ('fmod', 'remainder', 'floor_divide'):
    case(name, [i(7, -7, 7, -7, 0, 2**31 - 1), i(3, 3, -3, -3, 5, 1000)], reads=True)
    case(name, [f(1e10, 12345678.5, -1e6, 0.7, 6), f(0.1, 1e-3, 3, 0.1, 3)], gradient=False)
    case(name, [f(5, -5, 0.5), 3], gradient=False)
case('heaviside', [f(-2, 0, 3, NAN, -0.0), f(0.5)], gradient=False)
for name in ('isinf', 'isposinf', 'isneginf', 'signbit'):
    case(name, [f(*EDGES[:6], 2.5)], gradient=False)
    case(name, [i(0, -1, 5)])
case('nan_to_num', [f(NAN, INF, -INF, 1.5), 1, 2, 3], smooth=False)
case('nan_to_num', [f(NAN, 1.5, -2)], smooth=False)
for w in (0.25, 0.75, 1, 0):
    case('lerp', [r(2, 3), r(3), w])
case('lerp', [r(2, 3, seed=1), r(3, seed=2), r(2, 1, seed=3)])
case('addcmul', [r(2, 3, seed=1), r(3, seed=2), r(2, 1, seed=3), {'value': 0.5}])
case('addcdiv', [r(2, 3, seed=1), r(3, seed=2, low=1, high=3), r(2, 1, seed=3, low=1, high=3), {'value': 0.5}])
case('addcmul', [r(2, seed=1), r(2, seed=2), r(2, seed=3)])
case('isclose', [f(1, 1, INF, INF, NAN, 1e-9), f(1 + 1e-6, 1.1, INF, 1, NAN, 0)], gradient=False)
case('isclose', [f(1, NAN), f(1.25, NAN), 0.1, 0.2, True], gradient=False)
case('isclose', [i(1, 5), i(1, 6)])
case('allclose', [f(1, 2), f(1, 2.000001)], gradient=False, reads=True)
case('allclose', [f(1, 2), f(1, 3)], gradient=False, reads=True)
case('equal', [f(1, 2), f(1, 2)], gradient=False, reads=True)
case('equal', [f(1, 2), f(1, 2, 3)], gradient=False, reads=True)
for name in ('bitwise_and', 'bitwise_or', 'bitwise_xor'):
    case(name, [i(6, -1, 5, -2**31, 12345), i(3, 7, -3, -1, -54321)])
    case(name, [torch.tensor([6, 255, 5], dtype=torch.uint8), torch.tensor([3, 7, 128], dtype=torch.uint8)])
case('bitwise_not', [i(6, -1, 0, 2**31 - 1)])
case('bitwise_not', [torch.tensor([6, 255], dtype=torch.uint8)])

write('functions_pointwise.json', {'cases': cases})
cases.clear()

# Reductions.
VI = ['values', 'indices']
for name in ('amax', 'amin', 'nansum', 'nanmean'):
    case(name, [r(2, 3, 4), [0, 2]], ours=None)
    case(name, [r(2, 3), 1])
    case(name, [r(2, 3), (0, 1)], ours=[r(2, 3, seed=len(cases))])
    case(name, [f(1, NAN, 3, INF)], lambda x, name=name: getattr(torch, name)(x, dim=0), smooth=False,
         gradient=name.startswith('nan'))
case('amax', [f(1, 3, 3, 2), 0], smooth=False)
case('amin', [i(5, -2, 7), 0])
case('nansum', [i(5, -2, 7)])
case('nanmean', [f(NAN, NAN)], gradient=False)
case('aminmax', [r(2, 3), {'dim': 1, 'keepdim': True}], fields=['min', 'max'], ours=[r(2, 3, seed=len(cases)), {'dim': 1, 'keep_dim': True}])
case('aminmax', [r(2, 3)], fields=['min', 'max'])
case('count_nonzero', [f(0, 1, NAN, -0.0, 2, 0, shape=(2, 3)), 1], gradient=False)
case('count_nonzero', [i(0, 1, 5)])
for name in ('median', 'nanmedian'):
    case(name, [r(2, 3)])
    case(name, [r(4, 3), 0], fields=VI)
    case(name, [r(2, 4, 3), 1], fields=VI)
    case(name, [f(1, NAN, 3, 2, 5, 4, shape=(2, 3)), 1], fields=VI, smooth=False)
    case(name, [f(1, NAN, 3, 2)], smooth=False)
    case(name, [f(1, 2, 2, 2)], smooth=False)
    case(name, [i(5, 3, 9, 4)])
    case(name, [f(7.0, shape=())], smooth=False)
for name in ('quantile', 'nanquantile'):
    for how in ('linear', 'lower', 'higher', 'midpoint', 'nearest'):
        case(name, [r(3, 5), 0.3125, 1, {'interpolation': how}])
    case(name, [r(3, 5), 0.3])
    case(name, [r(3, 5), 0.5, 0])
    case(name, [r(3, 5), 1, 0])
    x, q = r(2, 5), f(0, 0.25, 0.75, 1)
    case(name, [x], lambda x, name=name, q=q: getattr(torch, name)(x, q, 1), ours=[x, q, 1], gradient=False, reads=True)
    case(name, [x], lambda x, name=name, q=q: getattr(torch, name)(x, q, 1, keepdim=True), ours=[x, q, 1, {'keep_dim': True}],
         gradient=False, reads=True)
    case(name, [f(1, NAN, 3, 2, 5, 4, shape=(2, 3)), 0.25, 1], smooth=False)
case('mode', [f(1, 2, 2, 3, 3, 3, 1, 1, shape=(2, 4)), 1], fields=VI, smooth=False)
case('mode', [i(5, 1, 5, 1, 2)], fields=VI)
case('mode', [i(5, 1, 5, 1, 1, 2, shape=(3, 2)), 0], fields=VI)
for name in ('cumprod', 'logcumsumexp'):
    case(name, [r(7), 0])
    case(name, [r(2, 5, 2), 1])
    case(name, [f(3.0, shape=()), 0], smooth=False)
    case(name, [r(0, 2), 0], gradient=False)
case('cumprod', [f(2, 0, 3, 0, 4), 0])
case('cumprod', [i(2, 3, -4), 0], reads=True)
case('logcumsumexp', [f(-INF, 1000, 1000.5, INF), 0], gradient=False)
for name in ('cummax', 'cummin'):
    case(name, [r(9), 0], fields=VI)
    case(name, [r(2, 5, 2), 1], fields=VI)
    case(name, [f(1, 1, NAN, 5, NAN, -3), 0], fields=VI, gradient=False)
    case(name, [i(3, 3, 1, 4, 4), 0], fields=VI)
case('std_mean', [r(2, 4), 1], fields=['std', 'mean'])
case('var_mean', [r(2, 4)], fields=['var', 'mean'])
case('var_mean', [r(2, 4), {'dim': 0, 'keepdim': True, 'correction': 0}], fields=['var', 'mean'],
     ours=[r(2, 4, seed=len(cases)), {'dim': 0, 'keep_dim': True, 'correction': 0}])
case('diff', [r(2, 5)])
case('diff', [r(5, 2), 2, 0])
case('diff', [r(2, 5), {'prepend': r(2, 1, seed=1), 'append': r(2, 2, seed=2)}])
case('diff', [r(3), 5])
case('diff', [i(1, 4, 9)])
for name in ('trapezoid', 'cumulative_trapezoid'):
    case(name, [r(2, 4)])
    case(name, [r(2, 4), {'dx': 0.5, 'dim': 0}])
    case(name, [r(2, 4), f(0, 1, 3, 4)])
    case(name, [r(2, 4), r(2, 4, seed=1)])
case('cov', [r(3, 5)])
case('cov', [r(5), {'correction': 0}])
case('cov', [r(3, 4), {'fweights': i(1, 2, 3, 1), 'aweights': f(0.5, 1, 0.25, 2)}])
case('cov', [r(3, 4), {'fweights': i(1, 2, 3, 1)}])
case('cov', [r(3, 4), {'aweights': f(0.5, 1, 0.25, 2), 'correction': 0}])
case('corrcoef', [r(3, 5)], smooth=False)
case('corrcoef', [r(5)], gradient=False)
for right in (False, True):
    case('searchsorted', [f(1, 2, 2, 4), f(0, 1, 2, 3, 4, 5, NAN, shape=(7, 1)), {'right': right}], gradient=False)
    case('searchsorted', [f(1, 2, 2, 4, 0, 1, 5, 5, shape=(2, 4)), f(2, 9, 5, -1, 2, 2, shape=(2, 3)), {'right': right}], gradient=False)
    case('bucketize', [i(3, 0, 9, 2), i(0, 2, 2, 5), {'right': right}])
case('searchsorted', [f(1, 2, 3), 2.5], gradient=False)
case('searchsorted', [f(), f(1, 2)], gradient=False)
write('functions_reductions.json', {'cases': cases})
cases.clear()

# Shapes and products.
for name in ('atleast_1d', 'atleast_2d', 'atleast_3d'):
    for shape in ((), (2,), (2, 3), (2, 1, 2)):
        case(name, [r(*shape)])
for name in ('hstack', 'vstack', 'dstack', 'column_stack'):
    case(name, [[r(3), r(3, seed=1)]])
    case(name, [[r(2, 3), r(2, 3, seed=1)]])
case('hstack', [[f(1.0, shape=()), r(2, seed=1)]])
for how in (3, [1, 3], [-1], [3, 1], [0, 9]):
    case('tensor_split', [r(5, 2), how])
    case('tensor_split', [r(2, 5), how, 1])
case('hsplit', [r(2, 4), 2])
case('hsplit', [r(4), [1, 3]])
case('vsplit', [r(4, 2), 2])
case('dsplit', [r(1, 2, 4), 2])
case('block_diag', [r(2, 3), r(1, 2, seed=1), r(2, seed=2)])
case('broadcast_tensors', [r(2, 1), r(3, seed=1)])
case('broadcast_to', [r(2, 1), (2, 3)])
case('meshgrid', [r(2), r(3, seed=1), {'indexing': 'ij'}])
case('meshgrid', [r(2), r(3, seed=1), r(2, seed=2), {'indexing': 'xy'}])
case('cartesian_prod', [r(2), r(3, seed=1), r(2, seed=2)])
case('cartesian_prod', [r(3)])
case('combinations', [r(4)])
case('combinations', [r(4), 3])
case('combinations', [r(3)], lambda x: torch.combinations(x, 2, with_replacement=True), ours=[r(3, seed=len(cases)), 2, {'with_replacement': True}])
case('combinations', [r(2), 3])
case('movedim', [r(2, 3, 2), 0, 2])
case('movedim', [r(2, 3, 2), [0, 1], [-1, 0]])
case('swapaxes', [r(2, 3), 0, 1])
case('swapdims', [r(2, 3), 0, -1])
case('concat', [[r(2, 1), r(2, 2, seed=1)], 1])
case('unflatten', [r(2, 6), 1, [2, -1]])
case('narrow', [r(2, 5), 1, 1, 3])
case('narrow', [r(2, 5), 1, -3, 2])
case('select', [r(2, 5), 1, 3])
case('select', [r(2, 5), -2, -1])
case('unbind', [r(2, 3)])
case('unbind', [r(2, 3), 1])
case('ravel', [r(2, 3)])
case('fliplr', [r(2, 3)])
case('flipud', [r(2, 3)])
for k in (0, 1, 2, 3, -1, 5):
    case('rot90', [r(2, 3), k])
case('rot90', [r(2, 3, 2), 1, [1, 2]])
case('roll', [r(2, 3), 2])
case('roll', [r(2, 3), -1, 1])
case('roll', [r(2, 3), [1, 5], [0, 1]])
for offset in (0, 1, -1, 3):
    case('diag', [r(3), offset])
    case('diag', [r(3, 4), offset])
    case('diagonal', [r(2, 3, 4), offset, 1, 2])
    case('diag_embed', [r(2, 3), offset])
    case('diag_embed', [r(2, 3), offset, 0, 2])
    case('diagflat', [r(2, 2), offset])
case('diagonal', [r(3, 4)])
case('diag', [f()], gradient=False)
case('trace', [r(3, 4)])
for name in ('tril_indices', 'triu_indices'):
    for offset in (0, 2, -1, -5, 9):
        case(name, [3, 4, offset])
case('outer', [r(2), r(3, seed=1)])
case('kron', [r(2, 3), r(3, 2, seed=1)])
case('kron', [r(2), r(2, 2, 2, seed=1)])
for name in ('dot', 'vdot'):
    case(name, [r(4), r(4, seed=1)])
case('inner', [r(2, 3), r(4, 3, seed=1)])
case('inner', [r(2, 3), f(2.0, shape=())])
case('mv', [r(2, 3), r(3, seed=1)])
case('mm', [r(2, 3), r(3, 2, seed=1)])
case('bmm', [r(2, 2, 3), r(2, 3, 2, seed=1)])
for k in ({}, {'beta': 0.5, 'alpha': 2}):
    case('addmm', [r(2), r(2, 3, seed=1), r(3, 2, seed=2), *([k] if k else [])])
    case('addmv', [r(2), r(2, 3, seed=1), r(3, seed=2), *([k] if k else [])])
    case('addr', [r(2), r(2, seed=1), r(2, seed=2), *([k] if k else [])])
    case('addbmm', [r(2), r(2, 2, 3, seed=1), r(2, 3, 2, seed=2), *([k] if k else [])])
    case('baddbmm', [r(2, 1, 2), r(2, 2, 3, seed=1), r(2, 3, 2, seed=2), *([k] if k else [])])
case('addmm', [f(NAN, 1), r(2, 3, seed=1), r(3, 2, seed=2), {'beta': 0}], gradient=False)
case('tensordot', [r(2, 3, 2), r(3, 2, 2, seed=1)])
case('tensordot', [r(2, 3), r(3, 2, seed=1), 1])
case('tensordot', [r(2), r(3, seed=1), 0])
case('tensordot', [r(2, 3, 4), r(4, 2, seed=1), [[0, 2], [1, 0]]])
N = torch.nn.functional
for p in (2, 1, 3.0, 1.5, INF, 0):
    case('cdist', [r(2, 3), r(4, 3, seed=1), p], smooth=p not in (0, INF))
    case('pdist', [r(4, 3), p], N.pdist, smooth=p not in (0, INF), gradient=p != 0)
case('cdist', [r(2, 2, 3), r(1, 3, 3, seed=1)])
case('cdist', [f(1, 2, shape=(1, 2)), f(1, 2, shape=(1, 2))], smooth=False)
case('pdist', [r(1, 3)], N.pdist, smooth=False, gradient=False)
case('normalize', [r(2, 3)], N.normalize)
case('normalize', [r(2, 3), 1, 0], N.normalize)
case('normalize', [f(0, 0, shape=(1, 2))], N.normalize, gradient=False)
write('functions_shapes.json', {'cases': cases})
cases.clear()

# Positions.
case('nonzero', [f(0, 1, NAN, 0, 2, 0, shape=(2, 3))], gradient=False, reads=True)
case('nonzero', [b(0, 1, 1), {'as_tuple': True}], reads=True)
case('nonzero', [f(3.0, shape=())], gradient=False, reads=True)
case('argwhere', [i(0, 1, 5, 0, shape=(2, 2))], reads=True)
case('masked_select', [r(2, 3), b(1, 0, 1)], reads=True)
case('take', [r(2, 3), i(0, 5, 5, 1, shape=(2, 2))])
case('take_along_dim', [r(2, 3), i(2, 0, 1, shape=(1, 3)), 1])
case('take_along_dim', [r(2, 3), i(5, 0)])
case('repeat_interleave', [r(2, 3), 2])
case('repeat_interleave', [r(2, 3), 3, 0])
case('repeat_interleave', [r(2, 3), i(2, 0, 1), 1], reads=True)
case('bincount', [i(1, 3, 1)], reads=True)
case('bincount', [i(1, 3, 1), f(0.5, 1, 2), 6], gradient=False, reads=True)
case('bincount', [i()], reads=True)
case('histc', [f(1, 2, 1, 3, 9, -1, 0), 4, 0, 3], gradient=False)
case('histc', [f(1, 2, 1, 3.5), 5], gradient=False, reads=True)
case('histc', [f(2, 2), 3], gradient=False, reads=True)
case('histc', [r(30), 7, -1.5, 1.25], gradient=False)
U = ['output', 'inverseIndices', 'counts']
for name in ('unique', 'unique_consecutive'):
    K = {'return_inverse': True, 'return_counts': True}
    case(name, [f(3, 1, 1, 3, 2, 2, shape=(2, 3))], gradient=False, reads=True)
    case(name, [f(3, 1, 1, 3, 2, 2, shape=(2, 3)), K], fields=U, gradient=False, reads=True)
    case(name, [i(1, 2, 1, 2, 0, 5, 1, 2, shape=(4, 2)), {**K, 'dim': 0}], fields=U, reads=True)
    case(name, [i(1, 1, 2, 3, 3, 0, shape=(2, 3)), {**K, 'dim': 1}], fields=U, reads=True)
    case(name, [f(NAN, 1, NAN)], gradient=False, reads=True)
index = i(0, 2, 1, 1, 0, 2, shape=(2, 3))
case('scatter', [r(3, 3), 0, index.clone(), r(2, 3, seed=1)])
case('scatter', [r(3, 3), 1, index[:, :2].clone(), r(2, 2, seed=1)])
case('scatter', [r(3, 3), 1, index.clone(), 1.5])
for how in ('add', 'multiply'):
    case('scatter', [r(2, 3), 1, i(0, 0, 2, 1, 1, 1, shape=(2, 3)), r(2, 3, seed=1), {'reduce': how}], gradient=False)
for how in ('sum', 'prod', 'mean', 'amax', 'amin'):
    for keep in (True, False):
        case('scatter_reduce', [r(2, 3, seed=1), 1, i(0, 0, 2, 0, 1, 1, 1, 1, shape=(2, 4)), r(2, 4, seed=2), how,
                                {'include_self': keep}])
    case('scatter_reduce', [r(4, 2, seed=1), 0, i(3, 0, 3, 3, 3, 1, shape=(3, 2)), r(3, 2, seed=3), how])
case('scatter_reduce', [i(1, 5, 3), 0, i(0, 0, 2), i(7, -2, 1), 'amax'])
case('index_add', [r(3, 2), 0, i(2, 2, 0), r(3, 2, seed=1)])
case('index_add', [r(2, 3), 1, i(1, 1), r(2, 2, seed=1), {'alpha': 0.5}])
case('index_copy', [r(3, 2), 0, i(2, 0), r(2, 2, seed=1)])
case('index_fill', [r(3, 2), 0, i(2, 0), 1.5])
case('index_fill', [r(2, 3), 1, i(1, 1), f(2.0, shape=())])
for how in ('prod', 'mean', 'amax', 'amin'):
    case('index_reduce', [r(3, 2, seed=1), 0, i(2, 2, 0), r(3, 2, seed=2), how])
    case('index_reduce', [r(3, 2, seed=1), 0, i(2, 2, 0), r(3, 2, seed=2), how, {'include_self': False}])
case('clamp', [r(2, 3), f(-1, 0, 0.5), f(0.25, 1, 0.75)])
case('clamp', [r(2, 3), {'max': r(2, 1, seed=1)}])
case('clamp', [f(1, NAN, 3, INF), f(2, 2, NAN, 2)], gradient=False)
case('clip', [r(2, 3), -1, 0.5])
case('logspace', [0, 2, 5], lambda *a: torch.logspace(*a, dtype=torch.float64), ours=[0, 2, 5, {'dtype': 'float64'}])
case('logspace', [-1, 1, 4, 2.0], lambda *a: torch.logspace(*a, dtype=torch.float64),
     ours=[-1, 1, 4, 2, {'dtype': 'float64'}])
case('vander', [r(3)], gradient=False)
case('vander', [r(3), 4], lambda x, n: torch.vander(x, n, increasing=True), ours=[r(3, seed=len(cases)), 4, {'increasing': True}],
     gradient=False)
write('functions_positions.json', {'cases': cases})
cases.clear()

# What remains: special functions, bits, places, windows.
case('i0', [r(3, 4, low=-8, high=8)])
case('i0', [f(0, -0.0, 1, 15.5, 16, 16.5, -17, 40, 100, -600, 700, NAN)], gradient=False)
case('i0', [f(0, 15.5, 17, -20, 3)], smooth=False)
for name in ('igamma', 'igammac'):
    a, x = f(0.25, 0.5, 1, 2, 5, 20, 100, 1000), f(0, 0.125, 0.5, 1, 3, 5.5, 19, 30, 110, 900, 1100)
    case(name, [a.reshape(8, 1), x], gradient=False, reads=True)
    case(name, [f(0, 0, INF, 1, 2, -1, 1, NAN, 2), f(1, 0, 1, INF, 0, 1, -1, 1, NAN)], gradient=False, reads=True)
for p in (1, 2, 4):
    case('mvlgamma', [r(5, low=2, high=8), p])
for name in ('gcd', 'lcm'):
    case(name, [i(12, -12, 0, 7, 0, 1000), i(18, 18, 5, 0, 0, -35)], reads=True)
case('gcd', [i(4, 6, 9, shape=(3, 1)), i(6, 9)], reads=True)
for name in ('bitwise_left_shift', 'bitwise_right_shift'):
    case(name, [torch.tensor([1, -7, 2**31 - 1, -2**31, 5, 5], dtype=torch.int32), torch.tensor([3, 1, 4, 2, 31, 0], dtype=torch.int32)],
         reads=True)
    case(name, [torch.tensor([1, 255, 129], dtype=torch.uint8), torch.tensor([3, 1, 7], dtype=torch.uint8)], reads=True)
case('nextafter', [f(1, -1, 0, 0, 5, NAN, 3), f(2, -2, 1, -1, 5, 1, NAN)], gradient=False, reads=True)
case('frexp', [f(6, -0.75, 0, 1, 1024.5, -3)], fields=['mantissa', 'exponent'], smooth=False, reads=True)
case('frexp', [f(INF, NAN, -INF, 0.5, 2.0**-130)], fields=['mantissa', 'exponent'], gradient=False, reads=True)
case('ldexp', [r(2, 3), i(1, -2, 5)])
case('ldexp', [r(3), r(3, seed=1)])
for name in ('fmax', 'fmin'):
    case(name, [r(2, 4), r(4, seed=9)])
    case(name, [f(NAN, 1, NAN, 2, INF, 3), f(1, NAN, NAN, 2, 5, 4)], smooth=False)
    case(name, [i(1, 5, -3), i(2, 4, -3)])
case('positive', [r(3)])
case('kthvalue', [r(2, 5), 2], fields=VI)
case('kthvalue', [r(4, 3), 4, 0, True], fields=VI)
case('kthvalue', [f(1, NAN, -2, INF), 4], fields=VI, gradient=False)
case('kthvalue', [f(7.0, shape=()), 1], fields=VI, smooth=False)
case('msort', [r(4, 2)])
for inverted in (False, True):
    case('isin', [i(1, 2, 3, 2, shape=(2, 2)), i(2, 5), {'invert': inverted}])
    case('isin', [f(1, NAN, 3, INF, 9), f(NAN, INF, 3), {'invert': inverted}], gradient=False)
    case('isin', [f(1, 2), f(), {'invert': inverted}], gradient=False)
case('isin', [i(1, 2), 2])
for p in (2, 1, 3, INF):
    case('dist', [r(2, 3), r(3, seed=1), p], smooth=p != INF)
for p in (2, 1, 3):
    case('renorm', [r(3, 4), p, 0, 2])
case('renorm', [r(2, 3, 2), 2, 1, 1.5])
case('renorm', [f(0, 0, 3, 4, shape=(2, 2)), 2, 0, 1], gradient=False)
case('cross', [r(2, 3), r(2, 3, seed=1), 1])
case('cross', [r(3, 2), r(3, 2, seed=1), 0])
case('cross', [r(4, 1, 3), r(1, 2, 3, seed=1), -1])
HB = ['hist', 'binEdges']
counted = f(1, 2, 1, 4, -0.5, 3.25)
case('histogram', [counted, 5], fields=HB, gradient=False, reads=True)
case('histogram', [counted, 4], lambda x, n: torch.histogram(x, n, range=(0.0, 4.0)), ours=[counted, 4, {'range': [0, 4]}], fields=HB,
     gradient=False)
case('histogram', [counted, f(0, 1, 1.5, 4), {'weight': f(1, 2, 0.5, 1, 7, 0.25), 'density': True}], fields=HB, gradient=False)
case('histogram', [f(2, 2), 3], fields=HB, gradient=False, reads=True)
points = f(0, 1, 1, 0, 2, 0, 2, 2, -1, 0.25, shape=(5, 2))


def grid_counts(x, bins, **keywords):
    y = torch.histogramdd(x, bins, **keywords)
    return [y.hist, *y.bin_edges]


case('histogramdd', [points, 3], grid_counts, fields=HB, gradient=False, reads=True)
case('histogramdd', [points, (3, 2), {'weight': f(1, 2, 4, 8, 16)}], grid_counts, fields=HB, gradient=False, reads=True)
case('histogramdd', [points, (2, 4)], lambda x, n: grid_counts(x, n, range=[0.0, 1, 0, 2], density=True),
     ours=[points, [2, 4], {'range': [0, 1, 0, 2], 'density': True}], fields=HB, gradient=False)
case('histogramdd', [points, (f(0, 1, 2), f(-1, 0.25, 1, 2)), {'density': True}], grid_counts, fields=HB, gradient=False)
case('histogramdd', [r(2, 4, 3, low=0, high=1), 2], grid_counts, fields=HB, gradient=False, reads=True)
case('histogramdd', [f(3, 3, shape=(2, 1)), 2], grid_counts, fields=HB, gradient=False, reads=True)
for how in ('sum', 'mean', 'max', 'min', 'prod'):
    smooth = how not in ('max', 'min')
    case('segment_reduce', [r(5, 2), how, {'lengths': i(2, 0, 3)}], smooth=smooth and how != 'mean')  # of nothing: NaN
    case('segment_reduce', [r(5, 2), how, {'lengths': i(2, 0, 3), 'initial': 1.5}], smooth=smooth)
    case('segment_reduce', [r(2, 4, 2), how, {'lengths': i(1, 3, 4, 0, shape=(2, 2)), 'axis': 1}], smooth=smooth and how != 'mean')
    case('segment_reduce', [r(5), how, {'offsets': i(1, 2, 4)}], smooth=smooth)
case('unravel_index', [i(5, 0, 11, shape=(3, 1)), (2, 3, 2)], reads=True)
x = f(0, 5, 0, 6, 1, 0, shape=(2, 3))
case('nonzero_static', [x, {'size': 2}], gradient=False)
case('nonzero_static', [x, {'size': 4, 'fill_value': -7}], gradient=False)
for offset in (0, 1, -1):
    x = r(3, 4)
    case('diagonal_scatter', [x, r(len(torch.diagonal(x, offset)), seed=1), offset])
case('diagonal_scatter', [r(2, 3, 2), r(3, 2, seed=1), 0, 0, 2])
case('select_scatter', [r(2, 3), r(2, seed=1), 1, -1])
case('slice_scatter', [r(5, 2), r(2, 2, seed=1), 0, 1, 5, 2])
case('slice_scatter', [r(2, 5), r(2, 2, seed=1), 1, 3])
case('masked_scatter', [r(2, 3), b(1, 0, 1), r(5, seed=1)])
case('put', [r(2, 3), i(1, -1, 4), r(3, seed=1)], lambda x, j, s: x.put(j, s))
case('put', [r(2, 3), i(1, 1, 4, 0, shape=(2, 2)), r(2, 2, seed=1), True], lambda x, j, s, a: x.put(j, s, a))
case('gradient', [r(5)])
case('gradient', [r(3, 4)])
case('gradient', [r(3, 4), {'spacing': 0.5, 'edge_order': 2}])
case('gradient', [r(3, 4), {'dim': 1}])
x = r(3, 5)
case('gradient', [x], lambda x: torch.gradient(x, spacing=[2.0, 0.5]), ours=[x, {'spacing': [2, 0.5]}])
x, u = r(2, 5), f(0, 1, 3, 3.5, 6)
case('gradient', [x], lambda x, u=u: torch.gradient(x, spacing=[u], dim=1, edge_order=2),
     ours=[x, {'spacing': [u], 'dim': 1, 'edge_order': 2}], gradient=False)
case('gradient', [r(2)])
case('is_floating_point', [f(1)], gradient=False)
case('is_signed', [torch.tensor([1], dtype=torch.uint8)])
case('t', [r(2, 3)])
case('t', [r(3)])
for name in ('hann', 'hamming', 'blackman', 'bartlett', 'kaiser'):
    for n in (0, 1, 2, 7, 8):
        for periodic in (True, False):
            w = getattr(torch, name + '_window')
            case(name + '_window', [n, periodic], lambda n, p, w=w: w(n, p, dtype=torch.float64), ours=[n, periodic, {'dtype': 'float64'}])
case('hamming_window', [6, True, 0.5, 0.25], lambda n, p, a, b: torch.hamming_window(n, p, a, b, dtype=torch.float64),
     ours=[6, True, 0.5, 0.25, {'dtype': 'float64'}])
case('kaiser_window', [6, False, 3.5], lambda n, p, b: torch.kaiser_window(n, p, b, dtype=torch.float64),
     ours=[6, False, 3.5, {'dtype': 'float64'}])
# Arguments of operations that have a family of their own.
for mode in ('floor', 'trunc'):
    case('div', [t.clone() for t in grid] + [{'rounding_mode': mode}], gradient=False)
    case('div', [i(7, -7, 7, -7, 0, 2**31 - 1), i(3, 3, -3, -3, 5, 1000), {'rounding_mode': mode}], reads=True)
    case('div', [f(5, -5, 0.5), 3, {'rounding_mode': mode}], gradient=False)
case('round', [f(1.25, -1.375, 2.5, 1234.5678, INF, NAN), {'decimals': 2}], gradient=False)
case('round', [f(155, -345, 25, 1234.5), {'decimals': -1}], gradient=False)
case('clamp', [i(5, -3, 2**31 - 1, -2**31), -1, 4])
case('clamp', [i(5, -3, 0), {'max': 2}])
case('clamp', [torch.tensor([6, 255, 0], dtype=torch.uint8), 3])
case('clamp', [i(5, -3, 0, 9), i(0, 0, 1, 10), i(2, 2, 2, 2)])
for name in ('std', 'var'):
    for unbiased in (True, False):
        case(name, [r(3, 4), {'unbiased': unbiased}])
        case(name, [r(3, 4), 1, {'unbiased': unbiased}])
    case(name + '_mean', [r(3, 4), {'unbiased': False}], fields=[name, 'mean'])
for name in ('sum', 'mean', 'prod', 'nansum', 'nanmean'):
    x = i(1, 2, 3, -4, 5, 6, shape=(2, 3))
    run = getattr(torch, name)
    case(name, [x], lambda x, run=run: run(x.double() if name == 'nanmean' else x, dtype=torch.float64), ours=[x, {'dtype': 'float64'}])
    case(name, [x], lambda x, run=run: run(x.double() if name == 'nanmean' else x, 1, dtype=torch.float64),
         ours=[x, 1, {'dtype': 'float64'}])
for name in ('cumsum', 'cumprod', 'softmax', 'log_softmax'):
    x = i(1, 2, 3, -4, 5, 6, shape=(2, 3))
    case(name, [x], lambda x: getattr(torch, name)(x, 1, dtype=torch.float64), ours=[x, 1, {'dtype': 'float64'}])
for options in ({'size': (3, 5)}, {'size': (9, 4), 'align_corners': True}, {'scale_factor': 1.7}, {'size': (1, 6), 'align_corners': True}):
    case('interpolate', [r(1, 2, 5, 6), {**options, 'mode': 'bicubic'}], torch.nn.functional.interpolate)
for mode in ('bilinear', 'bicubic'):
    for options in ({'size': (3, 2)}, {'size': (9, 4)}, {'scale_factor': 0.4}, {'size': (2, 3), 'align_corners': True}):
        case('interpolate', [r(1, 2, 7, 6), {**options, 'mode': mode, 'antialias': True}], torch.nn.functional.interpolate)
for shape in ((1, 2, 7), (1, 2, 5, 4), (1, 1, 4, 3, 5)):
    for mode in ('area', 'nearest-exact'):
        for options in ({'size': 3}, {'scale_factor': 1.5}, {'scale_factor': 2}):
            case('interpolate', [r(*shape), {**options, 'mode': mode}], torch.nn.functional.interpolate)
for name in ('sum', 'mean', 'prod', 'amax', 'amin', 'nansum', 'nanmean', 'logsumexp', 'all', 'any', 'argmax', 'argmin'):
    case(name, [r(2, 3), 1, True], gradient=name[:3] not in ('all', 'any', 'arg'))
for name in ('max', 'min', 'median', 'nanmedian', 'mode'):
    case(name, [r(2, 3), 1, True], fields=['values', 'indices'])
for name in ('quantile', 'nanquantile'):
    case(name, [r(2, 3), 0.5, 1, True])
for name in ('std', 'var'):
    case(name, [r(2, 3), 1, False])
    case(name, [r(2, 3), 1, False, True])
case('norm', [r(2, 3), 1, 1, True])
case('norm', [r(2, 3), 'fro'])
case('norm', [i(3, 4)], lambda x: torch.norm(x.double(), dtype=torch.float64), ours=[i(3, 4), {'dtype': 'float64'}])
edges, order = f(5, 1, 3, 1), torch.argsort(f(5, 1, 3, 1), stable=True)
for side in ('left', 'right'):
    case('searchsorted', [f(1, 3, 3, 5), f(0, 1, 3, 4, 5, 6), {'side': side}], gradient=False)
    case('searchsorted', [edges, f(0, 1, 3, 4, 5, 6), {'side': side, 'sorter': order}], gradient=False)
case('sort', [f(2, 1, 2, 1), {'stable': True}], fields=['values', 'indices'], gradient=False)
case('argsort', [f(2, 1, 2, 1), {'stable': True}], gradient=False)
case('topk', [r(2, 4), 2, {'sorted': True}], fields=['values', 'indices'])
write('functions_rest.json', {'cases': cases})
