"""grid_sample.json: images and volumes read at places, affine grids, and their gradients. PyTorch 2.15."""
import itertools

import torch
import torch.nn.functional as F

from common import encode, write


def numbers(shape, seed, dtype, scale=1.0):
    n = torch.Size(shape).numel()
    return (((torch.arange(n, dtype=dtype) * 37 + seed * 53) % 211 - 105) / 105 * scale).reshape(shape)


SHAPES = [([2, 2, 3, 4], [2, 3, 2, 2]), ([1, 2, 1, 6], [1, 2, 4, 2]), ([2, 1, 3, 2, 4], [2, 2, 1, 2, 3])]
rows = []
for (shape, places), mode, padding, align in itertools.product(
        SHAPES, ('bilinear', 'nearest', 'bicubic'), ('zeros', 'border', 'reflection'), (False, True)):
    if mode == 'bicubic' and len(shape) == 5:
        continue
    dtype = torch.float32 if shape[0] == 1 else torch.float64
    x = numbers(shape, 1, dtype).requires_grad_()
    grid = numbers(places, 2, dtype, 3.1).requires_grad_()
    y = F.grid_sample(x, grid, mode=mode, padding_mode=padding, align_corners=align)
    y.backward(numbers(y.shape, 3, dtype))
    rows.append({'options': {'mode': mode, 'paddingMode': padding, 'alignCorners': align}, 'x': encode(x), 'grid': encode(grid),
                 'y': encode(y), 'dx': encode(x.grad), 'dgrid': encode(grid.grad)})

# Places that are not numbers, far away, and exactly on the edges.
inf, nan = float('inf'), float('nan')
edges = []
for mode, padding, align in itertools.product(('bilinear', 'nearest'), ('zeros', 'border', 'reflection'), (False, True)):
    x = numbers([1, 1, 3, 4], 1, torch.float64).requires_grad_()
    odd = torch.tensor([[[[nan, 0.1], [inf, 0.1], [-inf, 0.1], [1e30, 0.1], [5, 0.1]]]], dtype=torch.float64)
    grid = torch.tensor([[[[-1, 1], [1, -1], [-0.5, 3], [-7, 0.3], [0.1, -1]]]], dtype=torch.float64).requires_grad_()
    y = F.grid_sample(x, grid, mode=mode, padding_mode=padding, align_corners=align)
    y.sum().backward()
    edges.append({'options': {'mode': mode, 'paddingMode': padding, 'alignCorners': align}, 'x': encode(x), 'odd': encode(odd),
                  'atOdd': encode(F.grid_sample(x, odd, mode=mode, padding_mode=padding, align_corners=align)),
                  'grid': encode(grid), 'y': encode(y), 'dgrid': encode(grid.grad)})

affine = []
for size, align in itertools.product(([2, 1, 3, 4], [1, 3, 1, 2], [2, 1, 2, 3, 1]), (False, True)):
    rank = len(size) - 2
    theta = numbers([size[0], rank, rank + 1], 4, torch.float64, 1.5).requires_grad_()
    grid = F.affine_grid(theta, size, align_corners=align)
    grid.backward(numbers(grid.shape, 5, torch.float64))
    affine.append({'size': size, 'align': align, 'theta': encode(theta), 'grid': encode(grid), 'gradient': encode(theta.grad)})
write('grid_sample.json', {'rows': rows, 'edges': edges, 'affine': affine})
