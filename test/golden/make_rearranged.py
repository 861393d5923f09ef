"""Makes rearranged.json: values and gradients of layers that rearrange or combine elements, and of losses with weights.

Each case is {layer, args, inputs, state, output, gradients}: `args` by position, `state` the parameters in PyTorch's names,
`gradients` those of the float inputs and then of the parameters, of the output's sum of squares. Run with PyTorch 2.15.
"""
import torch
from torch import nn

from common import camel, encode, write

torch.set_default_dtype(torch.float64)
torch.manual_seed(31)
cases = []


def randn(*shape):
    return torch.randn(shape).float().double()


def case(name, args, *inputs, **options):
    layer = getattr(nn, name)(*args, **options)
    for p in layer.parameters():
        p.data = p.data.float().double()
    xs = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
    y = layer(*xs)
    y = y.output if name.startswith('Adaptive') else y
    wanted = [x for x in xs if x.is_floating_point()] + list(layer.parameters())
    gradients = torch.autograd.grad(y.square().sum(), wanted)
    cases.append({
        'layer': name, 'args': args + ([{camel(k): v for k, v in options.items()}] if options else []),
        'inputs': [encode(x) for x in xs], 'state': {k: encode(p) for k, p in layer.named_parameters()},
        'output': encode(y), 'gradients': [encode(g) for g in gradients]})


case('Unflatten', [1, [2, 3]], randn(2, 6, 2))
case('Unflatten', [-1, [3, -1]], randn(2, 6))
case('PixelUnshuffle', [2], randn(2, 3, 4, 6))
case('PixelUnshuffle', [3], randn(1, 3, 6))
case('ChannelShuffle', [2], randn(2, 6, 3))
case('ChannelShuffle', [3], randn(1, 6, 2, 2))
case('Bilinear', [3, 2, 4], randn(5, 3), randn(5, 2))
case('Bilinear', [3, 2, 4, False], randn(2, 2, 3), randn(2, 2, 2))
case('LocalResponseNorm', [2], randn(2, 5, 3) * 4)
case('LocalResponseNorm', [3, 0.5, 0.75, 2], randn(1, 5, 2, 2))
case('LinearCrossEntropyLoss', [3, 4], randn(2, 3), torch.tensor([1, 3]))
case('LinearCrossEntropyLoss', [3, 4], randn(2, 3), torch.tensor([[1, 3], [0, 2]]), out_features=[2], bias=True,
     reduction='none', label_smoothing=0.1)
case('AdaptiveLogSoftmaxWithLoss', [8, 12, [3, 7]], randn(4, 8), torch.tensor([0, 4, 11, 7]), div_value=2.0)
case('AdaptiveLogSoftmaxWithLoss', [8, 12, [5], 4.0, True], randn(8), torch.tensor(9))
case('UpsamplingNearest2d', [[4, 7]], randn(1, 2, 3, 4))
case('UpsamplingBilinear2d', [[4, 7]], randn(1, 2, 3, 4))
case('UpsamplingBilinear2d', [], randn(2, 1, 3, 2), scale_factor=2)
write('rearranged.json', {'cases': cases})
