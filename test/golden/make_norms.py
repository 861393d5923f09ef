"""Makes norms.json: normalisation layers over several steps of training and one of evaluation, Embedding and EmbeddingBag.

`norms`: {layer, arguments, options, state before, steps [{training, input, output, upstream, inputGradient}], gradients of
the parameters in the last step, state after}. RMSNorm, which PyTorch 1.13 does not have, is written out here.
`embeddings`: {layer, arguments, options, weight, inputs, output, upstream, weightGradient, factorsGradient}.
"""
import torch
from torch import nn

from common import FLOATS, camel, encode, write


class RMSNorm(nn.Module):
    def __init__(self, shape, eps=None, elementwise_affine=True):
        super().__init__()
        self.dims = tuple(range(-len(shape), 0))
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(shape)) if elementwise_affine else None

    def forward(self, x):
        eps = torch.finfo(x.dtype).eps if self.eps is None else self.eps
        y = x * torch.rsqrt(x.square().mean(self.dims, keepdim=True) + eps)
        return y if self.weight is None else y * self.weight


NORMS = [
    (nn.BatchNorm1d, [3], {}, (4, 3)), (nn.BatchNorm1d, [3], {'momentum': 0.3, 'eps': 1e-2}, (4, 3, 5)),
    (nn.BatchNorm1d, [3], {'momentum': None}, (4, 3)), (nn.BatchNorm1d, [2], {'affine': False}, (5, 2)),
    (nn.BatchNorm1d, [2], {'track_running_stats': False}, (5, 2)), (nn.BatchNorm2d, [2], {}, (2, 2, 3, 4)),
    (nn.BatchNorm2d, [2], {}, (2, 2, 5, 5)),
    (nn.LayerNorm, [[5]], {}, (3, 5)), (nn.LayerNorm, [[3, 4]], {'eps': 1e-2}, (2, 3, 4)),
    (nn.LayerNorm, [[5]], {'elementwise_affine': False}, (2, 2, 5)),
    (nn.GroupNorm, [2, 4], {}, (2, 4, 3)), (nn.GroupNorm, [4, 4], {'affine': False}, (2, 4, 3)),
    (nn.GroupNorm, [1, 4], {'eps': 1e-2}, (3, 4)),
    (nn.InstanceNorm1d, [3], {}, (2, 3, 4)), (nn.InstanceNorm1d, [3], {'affine': True}, (3, 4)),
    (nn.InstanceNorm1d, [3], {'affine': True, 'track_running_stats': True}, (2, 3, 4)),
    (nn.InstanceNorm2d, [2], {'affine': True}, (2, 2, 3, 3)),
    (nn.InstanceNorm2d, [2], {'track_running_stats': True, 'momentum': 0.3}, (2, 2, 3, 3)),
    (RMSNorm, [[5]], {}, (3, 5)), (RMSNorm, [[2, 3]], {'eps': 1e-3}, (2, 2, 3)),
    (RMSNorm, [[5]], {'elementwise_affine': False}, (3, 5)),
]


def upstream_for(output):
    return torch.linspace(-1, 2, output.numel(), dtype=torch.float64).to(output.dtype).view_as(output)


def state_of(layer):
    return {k: encode(v) for k, v in layer.state_dict().items()}


def norm(dtype, make, arguments, options, shape):
    layer = make(*arguments, **options).to(dtype)
    for p in layer.parameters():
        nn.init.normal_(p)
    out = {'layer': make.__name__, 'arguments': arguments, 'options': {camel(k): v for k, v in options.items()},
           'dtype': {v: k for k, v in FLOATS.items()}[dtype], 'before': state_of(layer), 'steps': []}
    tracked = any('running' in k for k in layer.state_dict())
    for step, training in enumerate((True, True, False) if tracked else (True,)):
        layer.train(training)
        layer.zero_grad()
        x = (torch.randn(shape, dtype=dtype) * (step + 1) + step).requires_grad_(True)
        y = layer(x)
        dy = upstream_for(y)
        y.backward(dy)
        out['steps'].append({'training': training, 'input': encode(x), 'output': encode(y), 'upstream': encode(dy),
                             'inputGradient': encode(x.grad),
                             'gradients': {k: encode(p.grad) for k, p in layer.named_parameters()}})
    return {**out, 'after': state_of(layer)}


def embedding(dtype):
    out = []
    index = torch.tensor([[3, 0, 3], [1, 2, 2]])
    flat, offsets = index.reshape(-1), torch.tensor([0, 2, 2, 5])
    cases = [(nn.Embedding, {}, [index]), (nn.Embedding, {'padding_idx': 2}, [index]),
             (nn.Embedding, {'padding_idx': -1}, [flat])]
    for mode in ('sum', 'mean', 'max'):
        cases += [(nn.EmbeddingBag, {'mode': mode}, [index]), (nn.EmbeddingBag, {'mode': mode}, [flat, offsets]),
                  (nn.EmbeddingBag, {'mode': mode, 'padding_idx': 3}, [flat, offsets])]
    cases += [(nn.EmbeddingBag, {'mode': 'sum'}, [index, None, torch.rand(2, 3, dtype=dtype, requires_grad=True)]),
              (nn.EmbeddingBag, {'mode': 'sum'}, [flat, offsets, torch.rand(6, dtype=dtype, requires_grad=True)])]
    for make, options, inputs in cases:
        layer = make(4, 3, **options).to(dtype)
        y = layer(*inputs)
        dy = upstream_for(y)
        y.backward(dy)
        renamed = {camel(k): v for k, v in options.items()}
        out.append({'layer': make.__name__, 'arguments': [4, 3], 'options': renamed, 'weight': encode(layer.weight),
                    'inputs': [None if t is None else encode(t) for t in inputs], 'output': encode(y),
                    'upstream': encode(dy), 'weightGradient': encode(layer.weight.grad),
                    'factorsGradient': encode(inputs[2].grad) if len(inputs) > 2 else None})
    return out


norms, embeddings = [], []
for dtype in FLOATS.values():
    torch.manual_seed(29)
    # In float32 a few: what they share with float64 is tested there.
    norms += [norm(dtype, *case) for case in (NORMS if dtype == torch.float64 else NORMS[1::5])]
    embeddings += embedding(dtype)[::1 if dtype == torch.float64 else 3]
write('norms.json', {'norms': norms, 'embeddings': embeddings})
