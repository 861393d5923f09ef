"""Makes the files in weights/ and weights.json, which says what they hold: pip install torch==2.15 numpy safetensors, then run
this file here. Small values that each type holds exactly, and the edges of each."""
import collections
import json
import math
import os
import warnings

import numpy
import torch
from safetensors.torch import save_file

warnings.simplefilter('ignore')
here = os.path.dirname(os.path.abspath(__file__))
os.makedirs(os.path.join(here, 'weights'), exist_ok=True)
os.chdir(os.path.join(here, 'weights'))
expected = {}


def number(value):
    if isinstance(value, float) and not math.isfinite(value):
        return 'NaN' if math.isnan(value) else 'Infinity' if value > 0 else '-Infinity'
    return value


def note(file, tensors):
    def entry(t):
        t = torch.as_tensor(t.astype(t.dtype.newbyteorder('='), order='C')) if isinstance(t, numpy.ndarray) else t
        values = t.detach().to(torch.float64).reshape(-1).tolist() if t.is_floating_point() else t.reshape(-1).tolist()
        return [str(t.dtype).removeprefix('torch.'), list(t.shape), [number(v) for v in values]]
    expected[file] = {name: entry(t) for name, t in tensors.items()}


# Values on both sides of what each type of floats can hold: ties, subnormals, overflow.
probes = [0.0, -0.0, 1.0, -1.5, 1 / 3, math.pi, 0.1, 1e-3, 2.0**-9, 2.0**-10, 3 * 2.0**-11, 2.0**-16, 2.0**-17, 2.0**-18, 2.0**-24,
          2.0**-25, 3 * 2.0**-26, 6e-8, 1e-10, 1e-40, 1e-45, 240.0, 447.0, 448.0, 463.9, 464.0, 465.0, 480.0, 1000.0, 2048.5, 2049.0,
          2050.5, 2051.0, 57344.0, 61439.0, 61440.0, 65504.0, 65519.9, 65520.0, 65536.0, 1e10, 3.3e38, 3.4e38, math.inf, -math.inf, math.nan]
values = torch.tensor(probes, dtype=torch.float32)
floats = {'float16': torch.float16, 'bfloat16': torch.bfloat16, 'float8_e4m3fn': torch.float8_e4m3fn, 'float8_e5m2': torch.float8_e5m2}
types = {name: values.to(dtype) for name, dtype in floats.items()}
types['float32'] = values
types['float64'] = values.double() / 3
for name, bits in [('int8', 8), ('int16', 16), ('int32', 32)]:
    types[name] = torch.tensor([-2 ** (bits - 1), -1, 0, 7, 2 ** (bits - 1) - 1], dtype=getattr(torch, name))
types['int64'] = torch.tensor([[-2**31, -1], [0, 2**31 - 1]])
for name, most in [('uint8', 255), ('uint16', 65535), ('uint32', 2**31 - 1), ('uint64', 2**31 - 1)]:
    types[name] = torch.tensor([0, 1, most], dtype=getattr(torch, name))
types['bool'] = torch.tensor([True, False, True])
save_file(types, 'types.safetensors')
note('types.safetensors', types)
every = {f'every.{name}': torch.arange(256, dtype=torch.uint8).clone().view(dtype) for name, dtype in floats.items() if '8_' in name}
words = (torch.arange(0, 65536, 97, dtype=torch.int32) - 32768).to(torch.int16)
every |= {f'every.{name}': words.clone().view(floats[name]) for name in ['float16', 'bfloat16']}
save_file(every, 'codes.safetensors')
note('codes.safetensors', every)

shards = [{'a': torch.arange(6.0).reshape(2, 3), 'b': torch.tensor([1.5]).half()}, {'c': torch.tensor([3, 4])}]
os.makedirs('sharded', exist_ok=True)
names = [f'model-0000{i + 1}-of-00002.safetensors' for i in range(2)]
for name, shard in zip(names, shards):
    save_file(shard, f'sharded/{name}', metadata={'format': 'pt'})
index = {'metadata': {'total_size': 42}, 'weight_map': {key: name for name, shard in zip(names, shards) for key in shard}}
json.dump(index, open('sharded/model.safetensors.index.json', 'w'), indent=2)
note('sharded/model.safetensors.index.json', shards[0] | shards[1])

# PyTorch's own files.
base = torch.arange(24.0).reshape(4, 6)
views = {'base': base, 'row': base[1], 'column': base[:, 2], 'transposed': base.t(), 'part': base[1:3, 2:5],
         'expanded': torch.tensor([[1.0], [2.0]]).expand(2, 3), 'stepped': base[::2, ::3], 'scalar': torch.tensor(7.5),
         'empty': torch.zeros(0, 3), 'parameter': torch.nn.Parameter(torch.tensor([1.0, 2.0]))}
state = collections.OrderedDict(views | {f'types.{name}': t for name, t in types.items()})
torch.save(state, 'state.pt')
note('state.pt', state)
old = collections.OrderedDict((name, t) for name, t in state.items())
torch.save(old, 'legacy.pt', _use_new_zipfile_serialization=False)
note('legacy.pt', old)
torch.save(dict(views), 'protocol4.pt', pickle_protocol=4)
note('protocol4.pt', views)

model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2), torch.nn.Sequential(torch.nn.Linear(2, 2)))
torch.manual_seed(3)
for p in model.parameters():
    torch.nn.init.normal_(p)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
model(torch.randn(4, 3)).sum().backward()
optimizer.step()
nested = {'model': model.state_dict(), 'optimizer': optimizer.state_dict(), 'epoch': 3, 'best': 0.25, 'big': 2**60,
          'names': ['a', 'ü'], 'size': torch.Size([2, 3]), 'none': None, 'flags': (True, False), 'dtype': torch.float16}
torch.save(nested, 'checkpoint.pt')
note('checkpoint.pt', {f'model.{k}': v for k, v in model.state_dict().items()})
note('module', model.state_dict())
torch.save(model.state_dict(), 'module.pt')
model.eval()
torch.jit.save(torch.jit.script(model), 'script.pt')
torch.export.save(torch.export.export(model, (torch.randn(2, 3),)), 'exported.pt2')
torch.save(torch.tensor([[1.0, 2.0]]), 'tensor.pt')
torch.save({'z': torch.tensor([1j])}, 'complex.pt')
torch.save(model, 'whole.pt')

# NumPy's.
arrays = {'float32': base.numpy(), 'fortran': numpy.asfortranarray(base.numpy()), 'big': base.numpy().astype('>f8'),
          'half': base.numpy().astype('f2'), 'bool': numpy.array([[True, False]]), 'long': numpy.array([1, -2, 3]),
          'short': numpy.array([1, -2], dtype='>i2'), 'byte': numpy.array([0, 255], dtype='u1'), 'scalar': numpy.array(2.5)}
for name in ['float32', 'fortran', 'big', 'scalar']:
    numpy.save(f'{name}.npy', arrays[name])
    note(f'{name}.npy', {name: arrays[name]})
numpy.savez('arrays.npz', **arrays)
note('arrays.npz', arrays)
numpy.savez_compressed('packed.npz', **arrays)
note('packed.npz', arrays)
numpy.save('objects.npy', numpy.array([{'a': 1}, None], dtype=object))
numpy.save('complex.npy', numpy.array([1j]))

with open('../weights.json', 'w') as file:
    json.dump({'torch': torch.__version__.split('+')[0], 'numpy': numpy.__version__, 'files': expected}, file, separators=(',', ':'))
