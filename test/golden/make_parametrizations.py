"""Makes parametrizations.json: torch.nn.utils.parametrizations.

`before` is the layer's state, `after` that with the parametrization. `outputs` are those of three steps of SGD (lr 0.1)
on the sum of output · `upstream` in training, after which the state is `end`; `evaluated` is the output in evaluation mode,
and `removed` the state after the parametrization was removed there. Run with PyTorch 2.15.
"""
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from common import camel, encode, write

torch.manual_seed(7)
F32, F64 = torch.float32, torch.float64


def state(module):
    return {k: encode(v) for k, v in module.state_dict().items()}


def case(layer, args, function, x, name='weight', dtype=F64, **options):
    module = getattr(nn, layer)(*args).to(dtype)
    row = {'layer': layer, 'args': args, 'function': camel(function), 'name': name, 'before': state(module)}
    row['options'] = {camel(k): camel(v) if isinstance(v, str) else v for k, v in options.items()}
    getattr(parametrizations, function)(module, name, **options)
    for key, value in module.state_dict().items():
        if key.endswith('original') and function == 'orthogonal' and options.get('use_trivialization', True):
            value.add_(torch.randn(value.shape, dtype=dtype).tril(-1) * 0.5)  # away from the identity
    x = x if x.dtype == torch.int64 else x.to(dtype)
    upstream = torch.randn(module.eval()(x).shape, dtype=dtype)
    row.update(after=state(module), input=encode(x), upstream=encode(upstream), outputs=[])
    module.train()
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    for _ in range(3):
        y = module(x)
        optimizer.zero_grad()
        (y * upstream).sum().backward()
        optimizer.step()
        row['outputs'].append(encode(y))
    row['end'] = state(module)
    row['evaluated'] = encode(module.eval()(x))
    parametrize.remove_parametrizations(module, name)
    row['removed'] = state(module)
    return row


rows = torch.randn(2, 3)
tokens = torch.tensor([0, 4, 1, 4])
write('parametrizations.json', {'cases': [
    case('Linear', [3, 4], 'weight_norm', rows),
    case('Linear', [3, 4], 'weight_norm', rows, dtype=F32, dim=1),
    case('Linear', [3, 4], 'weight_norm', rows, dim=None),
    case('Linear', [3, 4], 'weight_norm', rows, name='bias'),
    case('Conv2d', [2, 3, 2], 'weight_norm', torch.randn(1, 2, 3, 3)),
    case('ConvTranspose1d', [2, 3, 2], 'weight_norm', torch.randn(1, 2, 3), dim=1),
    case('Embedding', [5, 3], 'weight_norm', tokens),
    case('Linear', [3, 4], 'spectral_norm', rows),
    case('Linear', [3, 4], 'spectral_norm', rows, dtype=F32, n_power_iterations=3, eps=1e-6, dim=1),
    case('Linear', [3, 4], 'spectral_norm', rows, name='bias'),
    case('Conv2d', [2, 3, 2], 'spectral_norm', torch.randn(1, 2, 3, 3)),
    case('ConvTranspose2d', [2, 3, 2], 'spectral_norm', torch.randn(1, 2, 2, 2)),
    case('Embedding', [5, 3], 'spectral_norm', tokens),
    case('Linear', [3, 3], 'orthogonal', rows),
    case('Linear', [3, 3], 'orthogonal', rows, orthogonal_map='cayley'),
    case('Linear', [3, 4], 'orthogonal', rows),
    case('Linear', [3, 2], 'orthogonal', rows, dtype=F32),
    case('Linear', [3, 2], 'orthogonal', rows, orthogonal_map='matrix_exp'),
    case('Linear', [3, 4], 'orthogonal', rows, orthogonal_map='cayley'),
    case('Linear', [3, 4], 'orthogonal', rows, use_trivialization=False),
    case('Linear', [3, 3], 'orthogonal', rows, orthogonal_map='householder', use_trivialization=False),
    case('Linear', [3, 2], 'orthogonal', rows, use_trivialization=False),
    case('Linear', [3, 2], 'orthogonal', rows, orthogonal_map='matrix_exp', use_trivialization=False),
    case('Conv1d', [3, 2, 2], 'orthogonal', torch.randn(1, 3, 3)),
]})
