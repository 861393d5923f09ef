"""Makes recurrent.json: recurrent layers and cells of PyTorch, their outputs and all gradients; and, in the same form,
recurrent_projected.json: LSTMs whose h is projected.

A layer's case is {layer, inputSize, hiddenSize, options, state, x, initial, lengths, output, final, upstream, gradients}:
`state` is the state dict; `initial` are h0 (and c0) or null; `upstream` the gradients of output and final states, null
where none is handed in; `gradients` those of x, of the initial states and of the weights by name. With lengths x goes
through PyTorch's packed sequences. A cell's case has x and one step, and `output` are its states. `defaults`: the bounds
of new weights.
"""
import math

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from common import FLOATS, camel, encode, write

STEPS, BATCH = 4, 3
LENGTHS = [2, 4, 1]
# layer, options, lengths, initial states, which of output, hN, cN have an upstream gradient
LAYERS = [
    ('LSTM', {}, False, False, (0, 1, 2)),
    ('LSTM', {'batch_first': True}, False, True, (0, 1, 2)),
    ('LSTM', {'bias': False}, False, True, (0,)),
    ('LSTM', {}, True, True, (0, 1, 2)),
    ('LSTM', {}, False, True, (2,)),
    ('LSTM', {'bidirectional': True, 'batch_first': True}, True, False, (0, 1, 2)),
    ('LSTM', {'num_layers': 2, 'bidirectional': True}, True, True, (0, 1, 2)),
    ('LSTM', {'num_layers': 3, 'dropout': 0.5}, False, False, (0, 1)),
    ('GRU', {}, False, False, (0, 1)),
    ('GRU', {'batch_first': True}, False, True, (0, 1)),
    ('GRU', {'bias': False}, False, True, (1,)),
    ('GRU', {'bidirectional': True}, True, False, (0, 1)),
    ('GRU', {'num_layers': 2, 'bidirectional': True, 'batch_first': True}, True, True, (0, 1)),
    ('RNN', {}, False, False, (0, 1)),
    ('RNN', {'nonlinearity': 'relu'}, False, True, (0, 1)),
    ('RNN', {'nonlinearity': 'relu', 'bias': False, 'batch_first': True}, True, True, (0,)),
    ('RNN', {'num_layers': 2, 'bidirectional': True}, True, True, (0, 1)),
]
# Some with float32 too.
ALSO_FLOAT32 = (1, 3, 6, 9, 12, 14)
# LSTMs whose h is projected.
PROJECTED = [
    ('LSTM', {'proj_size': 1}, False, False, (0, 1, 2)),
    ('LSTM', {'proj_size': 2, 'bias': False, 'batch_first': True}, True, True, (0, 2)),
    ('LSTM', {'proj_size': 2, 'num_layers': 2, 'bidirectional': True}, True, True, (0, 1, 2)),
    ('LSTM', {'proj_size': 1, 'num_layers': 2, 'bidirectional': True, 'batch_first': True}, False, True, (0, 1, 2)),
]
CELLS = [('LSTMCell', {}), ('LSTMCell', {'bias': False}), ('GRUCell', {}), ('GRUCell', {'bias': False}), ('RNNCell', {}),
         ('RNNCell', {'nonlinearity': 'relu'})]


def short(*shape, dtype, scale=1.0):
    """Random numbers of few digits."""
    return (torch.randn(*shape) * scale * 32).round().div(32).to(dtype)


def shorten(module, dtype):
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(short(*p.shape, dtype=dtype, scale=0.6))


def layer_case(name, options, has_lengths, has_state, flowing, dtype):
    inputs, hidden = 3, 3 if 'proj_size' in options else 2
    layer = getattr(nn, name)(inputs, hidden, **options).to(dtype)
    shorten(layer, dtype)
    if options.get('dropout'):
        layer.eval()
    first = options.get('batch_first', False)
    directions = 2 if options.get('bidirectional') else 1
    x = short(*((BATCH, STEPS) if first else (STEPS, BATCH)), inputs, dtype=dtype).requires_grad_(True)
    count = 2 if name == 'LSTM' else 1
    blocks = options.get('num_layers', 1) * directions
    widths = [options.get('proj_size', hidden), hidden][:count]
    initial = [short(blocks, BATCH, n, dtype=dtype).requires_grad_(True) for n in widths] if has_state else None
    state = None if initial is None else tuple(initial) if count == 2 else initial[0]
    given = pack_padded_sequence(x, LENGTHS, first, enforce_sorted=False) if has_lengths else x
    output, final = layer(given, state)
    if has_lengths:
        output, _ = pad_packed_sequence(output, first, total_length=STEPS)
    final = list(final) if count == 2 else [final]
    results = [output, *final]
    upstream = [short(*r.shape, dtype=dtype) if i in flowing else None for i, r in enumerate(results)]
    kept = [i for i, g in enumerate(upstream) if g is not None]
    torch.autograd.backward([results[i] for i in kept], [upstream[i] for i in kept])
    gradients = {n: encode(p.grad) for n, p in layer.named_parameters()}
    return {
        'layer': name, 'inputSize': inputs, 'hiddenSize': hidden, 'options': {camel(k): v for k, v in options.items()},
        'state': {n: encode(p) for n, p in layer.state_dict().items()}, 'x': encode(x),
        'initial': initial and [encode(t) for t in initial], 'lengths': LENGTHS if has_lengths else None,
        'output': encode(output), 'final': [encode(t) for t in final],
        'upstream': [None if g is None else encode(g) for g in upstream],
        'gradients': {'x': encode(x.grad), 'initial': initial and [encode(t.grad) for t in initial],
                      'weights': gradients}}


def cell_case(name, options, dtype):
    inputs, hidden = 3, 2
    cell = getattr(nn, name)(inputs, hidden, **options).to(dtype)
    shorten(cell, dtype)
    x = short(BATCH, inputs, dtype=dtype).requires_grad_(True)
    initial = [short(BATCH, hidden, dtype=dtype).requires_grad_(True) for _ in range(2 if name == 'LSTMCell' else 1)]
    output = cell(x, tuple(initial) if name == 'LSTMCell' else initial[0])
    output = list(output) if name == 'LSTMCell' else [output]
    upstream = [short(BATCH, hidden, dtype=dtype) for _ in output]
    torch.autograd.backward(output, upstream)
    return {
        'cell': name, 'inputSize': inputs, 'hiddenSize': hidden, 'options': {camel(k): v for k, v in options.items()},
        'state': {n: encode(p) for n, p in cell.state_dict().items()}, 'x': encode(x),
        'initial': [encode(t) for t in initial], 'output': [encode(t) for t in output],
        'upstream': [encode(g) for g in upstream],
        'gradients': {'x': encode(x.grad), 'initial': [encode(t.grad) for t in initial],
                      'weights': {n: encode(p.grad) for n, p in cell.named_parameters()}}}


def defaults():
    out = []
    for name in ('LSTM', 'GRU', 'RNN', 'LSTMCell', 'GRUCell', 'RNNCell'):
        torch.manual_seed(1)
        bound = 1 / math.sqrt(400)
        for n, p in getattr(nn, name)(300, 400).named_parameters():
            assert bound * 0.98 < p.abs().max().item() <= bound, n
        out.append({'name': name, 'hiddenSize': 400, 'bound': bound})
    return out


torch.manual_seed(31)
double, single = FLOATS['float64'], FLOATS['float32']
layers = [layer_case(*case, double) for case in LAYERS] + [layer_case(*LAYERS[i], single) for i in ALSO_FLOAT32]
cells = [cell_case(*case, dtype) for dtype in (double, single) for case in CELLS]
write('recurrent.json', {'layers': layers, 'cells': cells, 'defaults': defaults()})
projected = [layer_case(*case, dtype) for dtype in (double, single) for case in PROJECTED]
write('recurrent_projected.json', {'layers': projected})
