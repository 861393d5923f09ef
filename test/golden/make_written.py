"""Says in written.json what torch and numpy read in weights/written.pt and weights/written.npz, which are types.safetensors as adjoint
writes it; test/io/formats.test.ts compares its bytes with them. To make them again, after a change of what is written:
  ADJOINT_WRITE=1 npx vitest run test/io/formats.test.ts -t 'the bytes' && python make_written.py   # torch==2.15, numpy"""
import json
import math
import os

import numpy
import torch

os.chdir(os.path.dirname(os.path.abspath(__file__)))


def number(value):
    if isinstance(value, float) and not math.isfinite(value):
        return 'NaN' if math.isnan(value) else 'Infinity' if value > 0 else '-Infinity'
    return value


def entry(t):
    values = t.astype('float64' if t.dtype.kind == 'f' else t.dtype).reshape(-1).tolist()
    return [str(t.dtype), list(t.shape), [number(v) for v in values]]


def of_torch(t):
    values = t.double() if t.is_floating_point() else t
    return [str(t.dtype).removeprefix('torch.'), list(t.shape), [number(v) for v in values.reshape(-1).tolist()]]


written = {
    'written.pt': {name: of_torch(t) for name, t in torch.load('weights/written.pt', weights_only=True).items()},
    'written.npz': {name: entry(t) for name, t in numpy.load('weights/written.npz', allow_pickle=False).items()},
}
with open('written.json', 'w') as file:
    json.dump(written, file, separators=(',', ':'))
