"""What the scripts that make the golden files share. They run with PyTorch 1.13 (Debian's python3-torch:
`/usr/bin/python3 test/golden/make_losses.py`); the tests read only the JSON files.

A tensor is {"dtype", "shape", "data"}: data is flat and row-major, every number the exact value as a double (a float32
is widened first), and NaN and the infinities are the strings "NaN", "Infinity", "-Infinity". Options carry adjoint's
names, so that a test can hand them over as they are; a tensor among them is again such an object.
"""
import json
import math
import os

import torch

FLOATS = {'float32': torch.float32, 'float64': torch.float64}
NAMES = {torch.float32: 'float32', torch.float64: 'float64', torch.int64: 'int32'}


def number(value):
    """A Python number as JSON holds it exactly."""
    if isinstance(value, float) and not math.isfinite(value):
        return 'NaN' if math.isnan(value) else 'Infinity' if value > 0 else '-Infinity'
    return value


def encode(tensor):
    flat = tensor.detach().reshape(-1).tolist()
    return {'dtype': NAMES[tensor.dtype], 'shape': list(tensor.shape), 'data': [number(v) for v in flat]}


def encode_options(options):
    return {k: encode(v) if isinstance(v, torch.Tensor) else number(v) for k, v in options.items()}


def camel(name):
    head, *rest = name.split('_')
    return head + ''.join(word.capitalize() for word in rest)


def write(name, document):
    """Writes `name` beside this file: compact, but one line for each entry of a list, so that a diff can be read."""
    lines = []
    for key, value in {'torch': torch.__version__, **document}.items():
        if isinstance(value, list):
            body = ',\n'.join(json.dumps(v, separators=(',', ':'), allow_nan=False) for v in value)
            lines.append(f'{json.dumps(key)}:[\n{body}\n]')
        else:
            lines.append(f'{json.dumps(key)}:{json.dumps(value, separators=(",", ":"), allow_nan=False)}')
    text = '{' + ',\n'.join(lines) + '}\n'
    if len(text) > 200_000:
        raise SystemExit(f'{name}: {len(text)} bytes, the limit is 200,000')
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), 'w') as file:
        file.write(text)
    print(f'{name}: {len(text):,} bytes')
