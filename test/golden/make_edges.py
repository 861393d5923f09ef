"""Makes edges.json: values and gradients of functions at zeros, tiny and huge numbers, infinities and NaN.

A case is {name, options, dtype, inputs, output, gradients}: the upstream gradient is 1 everywhere. `name` and `options` are
adjoint's. This one runs with PyTorch 2.15, whose gradients at the bounds of clamp are not those of older releases.
"""
import torch
import torch.nn.functional as F

from common import FLOATS, encode, number, write

inf, nan = float('inf'), float('nan')
EDGES = {
    torch.float32: [0.0, -0.0, 1e-40, -1e-40, 1e-30, -1e-30, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 50.0, -50.0, 1e20, -1e20,
                    3e38, -3e38, inf, -inf, nan],
    torch.float64: [0.0, -0.0, 1e-310, -1e-310, 1e-200, -1e-200, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 50.0, -50.0, 1e200,
                    -1e200, 1e308, -1e308, inf, -inf, nan],
}
PAIRS = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, inf, -inf, nan]
ROWS = [[nan, 1.0, 2.0, 3.0], [1.0, nan, 3.0, nan], [inf, 1.0, 2.0, 3.0], [inf, inf, -inf, 0.0], [-inf] * 4,
        [-inf, 1.0, -inf, 0.0], [3.0, 1.0, 3.0, -3.0], [0.0, -0.0, 0.0, 0.0], [inf, nan, -inf, 0.0]]

UNARY = [
    ('relu', {}, F.relu), ('leakyRelu', {'negativeSlope': 0.01}, F.leaky_relu), ('elu', {'alpha': 1}, F.elu),
    ('selu', None, F.selu), ('gelu', {}, F.gelu), ('gelu', {'approximate': 'tanh'}, lambda x: F.gelu(x, approximate='tanh')),
    ('silu', None, F.silu), ('softplus', {}, F.softplus), ('mish', None, F.mish),
    ('hardtanh', {}, F.hardtanh), ('hardtanh', {'minVal': 0, 'maxVal': 1}, lambda x: F.hardtanh(x, 0, 1)),
    ('clamp', {'min': 0, 'max': 1}, lambda x: x.clamp(0, 1)), ('clamp', {'min': -1}, lambda x: x.clamp(min=-1)),
    ('clamp', {'max': 2}, lambda x: x.clamp(max=2)), ('clamp', {'min': 2, 'max': -1}, lambda x: x.clamp(2, -1)),
    ('clamp', {'min': 1, 'max': inf}, lambda x: x.clamp(1, inf)),
    ('sigmoid', None, torch.sigmoid), ('tanh', None, torch.tanh), ('exp', None, torch.exp), ('log', None, torch.log),
    ('log1p', None, torch.log1p), ('expm1', None, torch.expm1), ('sqrt', None, torch.sqrt),
    ('rsqrt', None, torch.rsqrt), ('square', None, torch.square), ('reciprocal', None, torch.reciprocal),
    ('erf', None, torch.erf), ('neg', None, torch.neg), ('abs', None, torch.abs), ('sign', None, torch.sign),
    ('floor', None, torch.floor), ('ceil', None, torch.ceil), ('round', None, torch.round),
    ('pow', 0, lambda x: x ** 0), ('pow', 1, lambda x: x ** 1), ('pow', 2, lambda x: x ** 2),
    ('pow', 3, lambda x: x ** 3), ('pow', -1, lambda x: x ** -1), ('pow', 0.5, lambda x: x ** 0.5),
    ('pow', 1.5, lambda x: x ** 1.5), ('pow', -2, lambda x: x ** -2),
]
BINARY = [
    ('add', None, torch.add), ('sub', None, torch.sub), ('mul', None, torch.mul), ('div', None, torch.div),
    ('maximum', None, torch.maximum), ('minimum', None, torch.minimum), ('pow', None, torch.pow),
    ('l1Loss', {'reduction': 'none'}, lambda x, y: F.l1_loss(x, y, reduction='none')),
    ('mseLoss', {'reduction': 'none'}, lambda x, y: F.mse_loss(x, y, reduction='none')),
    ('huberLoss', {'reduction': 'none'}, lambda x, y: F.huber_loss(x, y, reduction='none')),
    ('smoothL1Loss', {'reduction': 'none'}, lambda x, y: F.smooth_l1_loss(x, y, reduction='none')),
]
REDUCTIONS = [
    ('sum', {'dim': 1}, lambda x: x.sum(1)), ('mean', {'dim': 1}, lambda x: x.mean(1)),
    ('prod', {'dim': 1}, lambda x: x.prod(1)), ('cumsum', {'dim': 1}, lambda x: x.cumsum(1)),
    ('softmax', {'dim': 1}, lambda x: x.softmax(1)), ('logSoftmax', {'dim': 1}, lambda x: x.log_softmax(1)),
    ('logsumexp', {'dim': 1}, lambda x: x.logsumexp(1)), ('var', {'dim': 1}, lambda x: x.var(1)),
    ('std', {'dim': 1}, lambda x: x.std(1)),
] + [('norm', {'p': p, 'dim': 1}, lambda x, p=p: torch.linalg.vector_norm(x, p, 1)) for p in (2.0, 1.0, 3.0, 0.5, inf, -inf, 0.0)]
WHOLE = [('max', {}, torch.max), ('min', {}, torch.min)]

cases = []


def case(name, options, function, *inputs):
    inputs = [x.clone().requires_grad_(True) for x in inputs]
    output = function(*inputs)
    gradients = torch.autograd.grad(output.sum(), inputs, allow_unused=True)
    if isinstance(options, dict):
        options = {k: number(v) for k, v in options.items()}
    cases.append({'name': name, 'options': options, 'dtype': encode(inputs[0])['dtype'], 'inputs': [encode(x) for x in inputs],
                  'output': encode(output), 'gradients': [encode(torch.zeros_like(x) if g is None else g) for x, g in zip(inputs, gradients)]})


for dtype in FLOATS.values():
    x = torch.tensor(EDGES[dtype], dtype=dtype)
    a = torch.tensor([p for p in PAIRS for _ in PAIRS], dtype=dtype)
    b = torch.tensor([q for _ in PAIRS for q in PAIRS], dtype=dtype)
    for name, options, function in UNARY:
        case(name, options, function, x)
    for name, options, function in BINARY:
        case(name, options, function, a, b)
    for name, options, function in REDUCTIONS:
        case(name, options, function, torch.tensor(ROWS, dtype=dtype))
    for name, options, function in WHOLE:
        for row in ROWS:
            case(name, options, function, torch.tensor(row, dtype=dtype))
write('edges.json', {'cases': cases})
