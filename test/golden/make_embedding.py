"""embedding.json: embeddings and bags of them whose rows are limited in length, whose gradient counts rows by frequency, and whose
offsets tell the end of the last bag, too; embedding_pretrained.json: layers with a table that is there already. PyTorch 2.15.
"""
import itertools

import torch
import torch.nn.functional as F

from common import encode, write


def table(dtype):
    return (((torch.arange(18, dtype=dtype) * 37) % 41 - 20) / 7).reshape(6, 3)


def row(kind, dtype, index, options, extra):
    before = table(dtype)
    weight = before.clone().requires_grad_()
    y = (F.embedding if kind == 'embedding' else F.embedding_bag)(index, weight, **options)
    upstream = (torch.arange(y.numel(), dtype=dtype).reshape(y.shape) * 13) % 11 - 4
    y.backward(upstream)
    return {'kind': kind, 'index': encode(index), 'options': extra, 'before': encode(before), 'after': encode(weight), 'y': encode(y),
            'upstream': encode(upstream), 'gradient': encode(weight.grad)}


LIMITS = [(None, 2.0), (2.5, 2.0), (3.0, 1.0), (1.5, float('inf')), (0.0, 2.0)]
LINE = torch.tensor([3, 0, 3, 1, 5, 5, 3, 2])
rows = []
for dtype, (most, p), share in itertools.product((torch.float32, torch.float64), LIMITS, (False, True)):
    if dtype == torch.float32 and most != 2.5:
        continue
    shared = {'max_norm': most, 'norm_type': p, 'scale_grad_by_freq': share}
    ours = {'maxNorm': most, 'normType': 'Infinity' if p == float('inf') else p, 'scaleGradByFreq': share}
    for padding in (None, 3):
        rows.append(row('embedding', dtype, LINE.reshape(2, 4), {**shared, 'padding_idx': padding}, {**ours, 'paddingIdx': padding}))
        for mode, last in itertools.product(('sum', 'mean', 'max'), (False, True)):
            if mode == 'max' and share or (padding is None and last):
                continue
            offsets = torch.tensor([0, 2, 2, 8 if last else 5])
            rows.append(row('embeddingBag', dtype, LINE,
                            {**shared, 'padding_idx': padding, 'mode': mode, 'offsets': offsets, 'include_last_offset': last},
                            {**ours, 'paddingIdx': padding, 'mode': mode, 'offsets': encode(offsets), 'includeLastOffset': last}))
write('embedding.json', {'rows': rows})


def pretrained(kind, dtype, options, extra):
    layer = getattr(torch.nn, kind).from_pretrained(table(dtype), **options)
    y = layer(LINE) if kind == 'Embedding' else layer(LINE, torch.tensor([0, 2, 2, 5]))
    upstream = (torch.arange(y.numel(), dtype=dtype).reshape(y.shape) * 13) % 11 - 4
    if layer.weight.requires_grad:
        y.backward(upstream)
    gradient = None if layer.weight.grad is None else encode(layer.weight.grad)
    return {'kind': kind, 'options': extra, 'before': encode(table(dtype)), 'after': encode(layer.weight), 'y': encode(y),
            'upstream': encode(upstream), 'gradient': gradient, 'paddingIdx': layer.padding_idx}


layers = []
for kind, dtype, freeze in itertools.product(('Embedding', 'EmbeddingBag'), (torch.float32, torch.float64), (None, True, False)):
    frozen = {} if freeze is None else {'freeze': freeze}
    layers.append(pretrained(kind, dtype, frozen, frozen))
    more = {} if kind == 'Embedding' else {'mode': 'sum'}
    layers.append(pretrained(kind, dtype, {**frozen, **more, 'padding_idx': -3, 'max_norm': 2.5, 'norm_type': 1.0, 'scale_grad_by_freq': True},
                             {**frozen, **more, 'paddingIdx': -3, 'maxNorm': 2.5, 'normType': 1, 'scaleGradByFreq': True}))
write('embedding_pretrained.json', {'layers': layers})
