"""Makes packed.json: torch.nn.utils.rnn.

`sequences` have `lengths`; `padded` are they in one tensor, `packed` the fields of the packed sequence, `unpacked` its padded
batch and lengths for `unpack`, and `gradients` those of the sequences for `upstream`, which stands for the packed data. Run with
PyTorch 2.15.
"""
import torch
from torch.nn.utils import rnn

from common import camel, encode, write

torch.manual_seed(11)


def case(lengths, rest=(), enforce_sorted=False, dtype=torch.float64, pad={}, unpack={}):
    sequences = [torch.randn(n, *rest).to(dtype).requires_grad_(dtype.is_floating_point) for n in lengths]
    padded = rnn.pad_sequence(sequences, **pad)
    packed = rnn.pack_sequence(sequences, enforce_sorted)
    y, n = rnn.pad_packed_sequence(packed, **unpack)
    row = {
        'lengths': lengths, 'enforceSorted': enforce_sorted, 'pad': {camel(k): v for k, v in pad.items()},
        'unpack': {camel(k): v for k, v in unpack.items()}, 'sequences': [encode(t) for t in sequences],
        'padded': encode(padded), 'unpacked': [encode(y), encode(n)],
        'packed': [t if t is None else encode(t) for t in packed]}
    if dtype.is_floating_point:
        upstream = torch.randn(packed.data.shape).to(dtype)
        row.update(upstream=encode(upstream), gradients=[
            encode(g) for g in torch.autograd.grad(packed.data, sequences, upstream)])
    return row


F32, I64 = torch.float32, torch.int64
write('packed.json', {'cases': [
    case([3, 2, 2, 1], enforce_sorted=True),
    case([2, 4, 1], (2,), pad={'batch_first': True}, unpack={'batch_first': True}),
    case([2, 5, 2], (1, 2), dtype=F32, pad={'padding_value': -1.5}, unpack={'padding_value': 2, 'total_length': 7}),
    case([1, 3], pad={'padding_side': 'left'}, unpack={'batch_first': True, 'total_length': 4}),
    case([1, 3, 3, 2], dtype=I64, pad={'padding_value': 9, 'batch_first': True, 'padding_side': 'left'}),
    case([1]),
]})
