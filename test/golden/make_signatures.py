"""Makes signatures.json: the parameters of PyTorch's layers and functional forms in their order, as [camelCase name, default]
(without default where it must be given), up to the keyword-only ones.
"""
import inspect
import re
import typing

import torch
from torch import nn
from torch.nn import functional as F

from common import camel, write

PLAIN = (int, float, bool, str, type(None))


def entry(p):
    if p.default is inspect.Parameter.empty:
        return [camel(p.name)]
    return [camel(p.name), p.default if isinstance(p.default, PLAIN) else 'other']


def parameters(signature):
    listed = [p for p in signature.parameters.values() if p.name not in ('self', 'device', 'dtype')]
    return [entry(p) for p in listed if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]


def layer(cls):
    overloads = typing.get_overloads(cls.__init__)
    return parameters(inspect.signature(overloads[0] if overloads else cls.__init__))


def function(name):
    f = getattr(F, f'{name}_with_indices', None) or getattr(F, name)
    try:
        return parameters(inspect.signature(f))
    except ValueError:  # built in: the first line of its documentation says it
        text = re.search(name + r'\((.*?)\)\s*->', f.__doc__.replace('\\', ''), re.S).group(1)
        return parameters(eval(f'inspect.signature(lambda {text.replace(", *", "").replace("*, ", "")}: 0)'))


def is_layer(cls):
    return inspect.isclass(cls) and issubclass(cls, nn.Module) and cls not in (nn.Module, nn.RNNBase, nn.RNNCellBase)


LAYERS = {n: layer(c) for n, c in vars(nn).items() if is_layer(c) and not re.search('Lazy|Loss|Container|Lists?$', n)}
FUNCTIONS = ('adaptive_avg_pool2d', 'avg_pool1d', 'avg_pool2d', 'batch_norm', 'conv1d', 'conv2d', 'conv_transpose2d', 'dropout',
             'elu', 'embedding', 'embedding_bag', 'fold', 'gelu', 'group_norm', 'hardtanh', 'instance_norm', 'interpolate',
             'layer_norm', 'leaky_relu', 'linear', 'log_softmax', 'max_pool1d', 'max_pool2d', 'pad', 'pixel_shuffle', 'rms_norm',
             'scaled_dot_product_attention', 'softmax', 'softplus', 'unfold')
write('signatures.json', {'layers': LAYERS, 'functions': {camel(n): function(n) for n in FUNCTIONS}})
