"""Makes attention.json: MultiheadAttention and the transformer's layers, forward and backward; and, in the form of its
`multihead`, attention_added.json: with addBiasKv and addZeroAttn.

`multihead`: {options, call, state, inputs, masks, output, weights, gradients of the inputs and of every parameter}, the
call's masks as PyTorch has them (true hides); `layers`: {layer, options, numLayers, call, state, inputs, output, gradients},
in evaluation, as random numbers differ; `attention`: softmax(q kT / sqrt(d) + mask) v composed (1.13 has no
scaled_dot_product_attention), with gradients.
"""
import math

import torch
from torch import nn

from common import FLOATS, camel, encode, write


def mask_of(tensor):
    return encode(tensor.to(torch.int64) if tensor.dtype == torch.bool else tensor) | (
        {'dtype': 'uint8'} if tensor.dtype == torch.bool else {})


def upstream_for(output):
    return torch.linspace(-1, 2, output.numel(), dtype=torch.float64).to(output.dtype).view_as(output)


def draw(shape, dtype):
    """Multiples of 1/64, which are short to write."""
    return torch.round(torch.randn(shape, dtype=dtype) * 64) / 64


def randomise(module):
    for p in module.parameters():
        p.data = draw(p.shape, p.dtype) / 2


def finish(module, inputs, output):
    output.backward(upstream_for(output))
    return {
        'state': {k: encode(v) for k, v in module.state_dict().items()}, 'inputs': [encode(x) for x in inputs],
        'output': encode(output), 'upstream': encode(upstream_for(output)),
        'inputGradients': [encode(x.grad) for x in inputs],
        'gradients': {k: encode(p.grad) for k, p in module.named_parameters()}}


def multihead(dtype):
    bool_mask = torch.tensor([[0, 1, 0, 0, 0], [0, 0, 0, 1, 1], [1, 0, 0, 0, 0]], dtype=torch.bool)
    float_mask = torch.randn(4, 3, 5, dtype=dtype)
    padding = torch.tensor([[0, 0, 0, 0, 1], [0, 0, 1, 1, 0]], dtype=torch.bool)
    square = torch.triu(torch.ones(3, 3, dtype=torch.bool), 1)
    cases = [
        ({'batch_first': True}, 'self', {}), ({}, 'self', {'attn_mask': square}), ({'bias': False}, 'cross', {}),
        ({'batch_first': True}, 'cross', {'attn_mask': bool_mask, 'key_padding_mask': padding}),
        ({}, 'cross', {'attn_mask': float_mask, 'average_attn_weights': False}),
        ({'kdim': 3, 'vdim': 2}, 'cross', {'key_padding_mask': padding}), ({}, 'single', {}),
    ]
    return multihead_cases(cases, dtype)


def multihead_cases(cases, dtype):
    out = []
    for options, kind, call in cases:
        layer = nn.MultiheadAttention(4, 2, dtype=dtype, **options)
        randomise(layer)
        first = options.get('batch_first', False)
        batch = lambda rows, width: draw((2, rows, width) if first else (rows, 2, width), dtype)
        if kind == 'self':
            inputs = [batch(3, 4)]
            given = inputs * 3
        elif kind == 'single':
            inputs = given = [draw((n, 4), dtype) for n in (3, 5, 5)]
        else:
            inputs = given = [batch(3, 4), batch(5, options.get('kdim', 4)), batch(5, options.get('vdim', 4))]
        for x in inputs:
            x.requires_grad_(True)
        y, weights = layer(*given, need_weights=True, **call)
        named = {camel(k): mask_of(v) if isinstance(v, torch.Tensor) else v for k, v in call.items()}
        out.append({'options': {camel(k): v for k, v in options.items()}, 'call': named, 'weights': encode(weights),
                    **finish(layer, inputs, y)})
    return out


def layers(dtype):
    causal = torch.triu(torch.full((3, 3), float('-inf'), dtype=dtype), 1)
    padding = torch.tensor([[0, 0, 0, 1], [0, 0, 0, 0]], dtype=torch.bool)
    cases = [
        ('TransformerEncoderLayer', {}, 0, {'src_mask': causal}),
        ('TransformerEncoderLayer', {'norm_first': True, 'activation': 'gelu', 'batch_first': True, 'bias': False}, 0, {}),
        ('TransformerEncoderLayer', {'layer_norm_eps': 1e-2}, 2, {'mask': causal}),
        ('TransformerDecoderLayer', {'batch_first': True}, 0, {'tgt_mask': causal, 'memory_key_padding_mask': padding}),
        ('TransformerDecoderLayer', {'norm_first': True, 'activation': 'gelu', 'bias': False}, 2, {'tgt_mask': causal}),
    ]
    out = []
    for name, options, count, call in cases:
        layer = getattr(nn, name)(4, 2, dim_feedforward=6, dtype=dtype, **options)
        if count:
            kind = nn.TransformerEncoder if 'Encoder' in name else nn.TransformerDecoder
            layer = kind(layer, count, nn.LayerNorm(4, dtype=dtype))
        randomise(layer)
        for module in layer.modules():  # without dropout, but off the fast path of evaluation, which has no gradients
            if isinstance(module, nn.Dropout):
                module.p = 0.0
            if isinstance(module, nn.MultiheadAttention):
                module.dropout = 0.0
        first = options.get('batch_first', False)
        inputs = [draw((2, n, 4) if first else (n, 2, 4), dtype).requires_grad_(True)
                  for n in ((3,) if 'Encoder' in name else (3, 4))]
        named = {camel(k): mask_of(v) for k, v in call.items()}
        out.append({'layer': name, 'options': {camel(k): v for k, v in options.items()}, 'numLayers': count,
                    'call': named, **finish(layer, inputs, layer(*inputs, **call))})
    return out


def attention(dtype):
    out = []
    for width, mask in ((5, None), (4, torch.tensor([[1, 0, 1], [1, 1, 1]], dtype=torch.bool)),
                        (3, torch.randn(2, 3, dtype=dtype))):
        q, k, v = (torch.randn(2, 2, n, width, dtype=dtype, requires_grad=True) for n in (2, 3, 3))
        scores = q @ k.transpose(-2, -1) / math.sqrt(width)
        if mask is not None:
            scores = scores.masked_fill(~mask, float('-inf')) if mask.dtype == torch.bool else scores + mask
        y = scores.softmax(-1) @ v
        y.backward(upstream_for(y))
        out.append({'inputs': [encode(x) for x in (q, k, v)], 'mask': None if mask is None else mask_of(mask),
                    'output': encode(y), 'upstream': encode(upstream_for(y)),
                    'inputGradients': [encode(x.grad) for x in (q, k, v)]})
    return out


def added(dtype):
    """MultiheadAttention with one more key: learned, of zeros, or both."""
    padding = torch.tensor([[0, 0, 0, 0, 1], [0, 0, 1, 1, 1]], dtype=torch.bool)
    causal = torch.triu(torch.ones(3, 3, dtype=torch.bool), 1)
    float_mask = draw((4, 3, 5), dtype)
    return multihead_cases([
        ({'add_bias_kv': True, 'batch_first': True}, 'self', {}),
        ({'add_zero_attn': True, 'bias': False}, 'cross', {'attn_mask': float_mask, 'key_padding_mask': padding}),
        ({'add_bias_kv': True, 'add_zero_attn': True}, 'self', {'attn_mask': causal}),
        ({'add_bias_kv': True, 'add_zero_attn': True, 'kdim': 3, 'vdim': 2, 'batch_first': True}, 'cross',
         {'key_padding_mask': padding, 'average_attn_weights': False}),
        ({'add_bias_kv': True, 'add_zero_attn': True}, 'single', {}),
    ], dtype)


document = {'multihead': [], 'layers': [], 'attention': []}
for dtype in FLOATS.values():
    torch.manual_seed(24)
    step = 1 if dtype == torch.float64 else 3  # fewer in float32: the file must stay small
    document['multihead'] += multihead(dtype)[::step]
    document['layers'] += layers(dtype)[::step]
    document['attention'] += attention(dtype)
write('attention.json', document)
torch.manual_seed(25)
write('attention_added.json', {'multihead': added(torch.float64) + added(torch.float32)[::2]})
