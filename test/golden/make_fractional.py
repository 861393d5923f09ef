"""fractional.json: fractional max pooling with given places of the windows. PyTorch 2.15."""
import torch
import torch.nn.functional as F

from common import encode, write

CASES = [
    (2, [2, 2, 7, 9], [2, 3], [4, 5], [[[0.1, 0.6], [0.9, 0.3]], [[0.45, 0.0], [0.7, 0.99]]]),
    (2, [1, 2, 8, 8], [2, 2], [5, 1], [[[0.3, 0.8], [0.5, 0.25]]]),
    (3, [1, 2, 5, 6, 7], [2, 1, 2], [3, 4, 4], [[[0.1, 0.6, 0.3], [0.9, 0.3, 0.8]]]),
]
rows = []
for rank, shape, kernel, size, samples in CASES:
    for dtype in (torch.float32, torch.float64):
        n = torch.Size(shape).numel()
        x = (torch.arange(n, dtype=dtype).reshape(shape) * 37 % 101 / 10).requires_grad_()
        given = torch.tensor(samples, dtype=dtype)
        run = F.fractional_max_pool2d if rank == 2 else F.fractional_max_pool3d
        y, indices = run(x, kernel, size, return_indices=True, _random_samples=given)
        upstream = torch.arange(y.numel(), dtype=dtype).reshape(y.shape) % 7 - 3
        y.backward(upstream)
        rows.append({'rank': rank, 'kernel': kernel, 'size': size, 'x': encode(x), 'samples': encode(given),
                     'y': encode(y), 'indices': encode(indices), 'upstream': encode(upstream), 'gradient': encode(x.grad)})
write('fractional.json', {'rows': rows})
