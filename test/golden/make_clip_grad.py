"""Makes clip_grad.json: clipping by norm and by value, as nn.utils does it.

A case has the flat gradients of parameters [6], [2] and [4] before and after, the limit and, of a norm, its type and the
norm that was returned.
"""
import torch

from common import FLOATS, number, write

SIZES = (6, 2, 4)


def flat(tensors):
    return [number(v) for t in tensors for v in t.detach().reshape(-1).tolist()]


def clip(dtype, gradients):
    out = []
    settings = [('norm', limit, p) for p in (1.0, 2.0, float('inf')) for limit in (0.5, 1e3)]
    settings += [('value', limit, None) for limit in (0.3, 10.0)]
    for kind, limit, p in settings:
        parameters = [torch.zeros_like(g).requires_grad_(True) for g in gradients]
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = gradient.clone()
        entry = {'kind': kind, 'dtype': dtype, 'limit': limit, 'before': flat(gradients)}
        if kind == 'norm':
            entry['normType'] = number(p)
            entry['norm'] = torch.nn.utils.clip_grad_norm_(parameters, limit, p).item()
        else:
            torch.nn.utils.clip_grad_value_(parameters, limit)
        out.append({**entry, 'after': flat(p.grad for p in parameters)})
    return out


clips = []
for name, dtype in FLOATS.items():
    torch.manual_seed(21)
    clips += clip(name, [torch.randn(n, dtype=dtype) * 3 for n in SIZES])
write('clip_grad.json', {'clips': clips})
