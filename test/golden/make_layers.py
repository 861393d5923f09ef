"""Makes layers.json: Linear, activations, softmax, dropout in evaluation, a small network trained, and the parameters of
the initialisers' distributions (as PyTorch hands them to its generators; the random numbers themselves differ).

`linear`: {input, weight, bias, output, upstream, gradients of the three}; `activations`: {name, options, input, output,
upstream, gradient}, the same under `softmax` with the option dim. `training`: {optimizer, options, dtype, data, initial,
losses, final}. `initialisers`: {name, shape, options, bound | mean, std}; `linearDefaults`: the bounds of a new Linear.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

from common import FLOATS, camel, encode, encode_options, number, write


def upstream_for(output):
    return torch.linspace(-1, 2, output.numel(), dtype=torch.float64).to(output.dtype).view_as(output)


def linear(dtype):
    out = []
    for shape in ((3,), (4, 3), (2, 4, 3), (1, 3)):
        for has_bias in (True, False):
            x = torch.randn(shape, dtype=dtype, requires_grad=True)
            weight = torch.randn(2, 3, dtype=dtype, requires_grad=True)
            bias = torch.randn(2, dtype=dtype, requires_grad=True) if has_bias else None
            y = F.linear(x, weight, bias)
            dy = upstream_for(y)
            y.backward(dy)
            out.append({
                'input': encode(x), 'weight': encode(weight), 'bias': encode(bias) if has_bias else None,
                'output': encode(y), 'upstream': encode(dy), 'inputGradient': encode(x.grad),
                'weightGradient': encode(weight.grad), 'biasGradient': encode(bias.grad) if has_bias else None})
    return out


ACTIVATIONS = [
    ('relu', F.relu, {}), ('leakyRelu', F.leaky_relu, {}), ('leakyRelu', F.leaky_relu, {'negative_slope': 0.2}),
    ('elu', F.elu, {}), ('elu', F.elu, {'alpha': 0.5}), ('selu', F.selu, {}), ('gelu', F.gelu, {}),
    ('gelu', F.gelu, {'approximate': 'tanh'}), ('silu', F.silu, {}), ('softplus', F.softplus, {}),
    ('softplus', F.softplus, {'beta': 2.0, 'threshold': 5.0}), ('hardtanh', F.hardtanh, {}),
    ('hardtanh', F.hardtanh, {'min_val': -0.5, 'max_val': 2.0}), ('mish', F.mish, {}), ('sigmoid', torch.sigmoid, {}),
    ('tanh', torch.tanh, {}),
]
USUAL = [-3.0, -1.0, -0.5, -1e-3, -0.0, 0.0, 1e-3, 0.5, 1.0, 2.0, 2.5, 3.0]
EXTREME = [-1e30, -200.0, -90.0, -20.0, -10.0, 10.0, 19.99, 20.5, 90.0, 200.0, 1e30, -1e-30, 1e-30]
UNBOUNDED = [float('-inf'), float('inf'), float('nan')]


def activations(dtype):
    out = []
    for kind, values in (('usual', USUAL), ('extreme', EXTREME), ('unbounded', UNBOUNDED)):
        for name, function, options in ACTIVATIONS:
            x = torch.tensor(values, dtype=dtype, requires_grad=True)
            y = function(x, **options)
            dy = torch.ones_like(y) if kind != 'usual' else upstream_for(y) + 1.5
            y.backward(dy)
            out.append({
                'name': name, 'kind': kind, 'options': {camel(k): v for k, v in options.items()}, 'input': encode(x),
                'output': encode(y), 'upstream': encode(dy), 'gradient': encode(x.grad)})
    return out


def softmax(dtype):
    out = []
    inputs = [(torch.randn(3, 5, dtype=dtype) * 2, 1), (torch.randn(3, 5, dtype=dtype), 0),
              (torch.randn(2, 3, 4, dtype=dtype), 1), (torch.randn(2, 3, 2, dtype=dtype), -1),
              (torch.randn(1, 1, dtype=dtype), 1),
              (torch.tensor([[1000.0, 999.0, -1000.0], [-1e30, 0.0, 1.0], [float('-inf'), 1.0, 2.0]], dtype=dtype), 1)]
    for x, dim in inputs:
        for name, function in (('softmax', F.softmax), ('logSoftmax', F.log_softmax)):
            x = x.detach().requires_grad_(True)
            y = function(x, dim)
            dy = upstream_for(y)
            x.grad = None
            y.backward(dy)
            out.append({
                'name': name, 'options': {'dim': dim}, 'input': encode(x), 'output': encode(y), 'upstream': encode(dy), 'gradient': encode(x.grad)})
    return out


def dropout(dtype):
    x = torch.randn(2, 3, dtype=dtype, requires_grad=True)
    y = nn.Dropout(0.4).eval()(x)
    dy = upstream_for(y)
    y.backward(dy)
    return {'p': 0.4, 'input': encode(x), 'output': encode(y), 'upstream': encode(dy), 'gradient': encode(x.grad)}


def training(dtype, optimizer, options):
    torch.manual_seed(22)
    model = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)).to(dtype)
    x, labels = torch.randn(8, 5, dtype=dtype), torch.randint(0, 3, (8,))
    initial = {k: encode(v) for k, v in model.state_dict().items()}
    opt = optimizer(model.parameters(), **options)
    losses = []
    for _ in range(10):
        loss = F.cross_entropy(model(x), labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return {
        'optimizer': optimizer.__name__, 'options': options, 'input': encode(x), 'labels': encode(labels),
        'initial': initial, 'losses': losses, 'final': {k: encode(v) for k, v in model.state_dict().items()}}


class Recorder(torch.Tensor):
    """A tensor that notes what an initialiser asks the generator for."""

    def uniform_(self, low, high):
        self.asked = {'low': low, 'bound': high}
        return self

    def normal_(self, mean, std):
        self.asked = {'mean': mean, 'std': std}
        return self


def initialisers():
    out = []
    shapes = [(128, 784), (10, 128), (3, 2), (1, 8), (6, 4, 5, 5)]
    xavier = [{}, {'gain': 5 / 3}, {'gain': math.sqrt(2)}]
    kaiming = [{}, {'a': math.sqrt(5)}, {'nonlinearity': 'relu'}, {'nonlinearity': 'relu', 'mode': 'fan_out'},
               {'nonlinearity': 'tanh'}, {'nonlinearity': 'linear', 'mode': 'fan_out'}, {'nonlinearity': 'sigmoid'},
               {'nonlinearity': 'selu'}, {'a': 0.2, 'nonlinearity': 'leaky_relu'}]
    for name, function, settings in (
            ('xavierUniform', nn.init.xavier_uniform_, xavier), ('xavierNormal', nn.init.xavier_normal_, xavier),
            ('kaimingUniform', nn.init.kaiming_uniform_, kaiming), ('kaimingNormal', nn.init.kaiming_normal_, kaiming)):
        for shape in shapes:
            for options in settings:
                asked = function(torch.empty(shape).as_subclass(Recorder), **options).asked
                assert asked.pop('low', None) == (-asked['bound'] if 'bound' in asked else None)
                named = {k: camel(v) if isinstance(v, str) else v for k, v in options.items()}
                out.append({'name': name, 'shape': shape, 'options': named, **asked})
    return out


def linear_defaults():
    out = []
    for features in (2, 5, 128, 784):
        weight = nn.init.kaiming_uniform_(torch.empty(3, features).as_subclass(Recorder), a=math.sqrt(5)).asked['bound']
        torch.manual_seed(1)
        layer = nn.Linear(features, 4000)
        bias = 1 / math.sqrt(features)
        assert bias * 0.99 < layer.bias.abs().max().item() <= bias
        assert weight * 0.999 < layer.weight.abs().max().item() <= weight * (1 + 1e-6)
        out.append({'inFeatures': features, 'weightBound': weight, 'biasBound': bias})
    return out


def gains():
    names = ['linear', 'conv2d', 'sigmoid', 'tanh', 'relu', 'leaky_relu', 'selu']
    table = [{'nonlinearity': camel(n), 'param': None, 'gain': float(nn.init.calculate_gain(n))} for n in names]
    return table + [{'nonlinearity': 'leakyRelu', 'param': a, 'gain': nn.init.calculate_gain('leaky_relu', a)}
                    for a in (0.2, math.sqrt(5), 1)]


document = {k: [] for k in ('linear', 'activations', 'softmax', 'dropout', 'training')}
for dtype in FLOATS.values():
    torch.manual_seed(23)
    document['linear'] += linear(dtype)
    document['activations'] += activations(dtype)
    document['softmax'] += softmax(dtype)
    document['dropout'].append(dropout(dtype))
    document['training'].append(training(dtype, torch.optim.SGD, {'lr': 0.1, 'momentum': 0.9}))
    document['training'].append(training(dtype, torch.optim.Adam, {'lr': 0.05}))
write('layers.json', {**document, 'initialisers': initialisers(), 'linearDefaults': linear_defaults(), 'gains': gains()})
