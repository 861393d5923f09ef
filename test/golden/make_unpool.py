"""unpool.json: positions of max pooling, and the way back. PyTorch 2.15."""
import torch
import torch.nn.functional as F

from common import encode, encode_options, write

CASES = [
    (1, [2, 3, 9], {'kernelSize': 3, 'stride': 2, 'padding': 1}, [9]), (1, [3, 8], {'kernelSize': 2}, None),
    (2, [2, 2, 7, 9], {'kernelSize': [2, 3], 'stride': [2, 2]}, [7, 9]), (2, [1, 2, 6, 6], {'kernelSize': 2}, None),
    (2, [2, 6, 8], {'kernelSize': 3, 'stride': 3, 'padding': 1}, [6, 8]),
    (3, [1, 2, 4, 5, 6], {'kernelSize': 2}, [4, 5, 6]), (3, [2, 4, 4, 6], {'kernelSize': [2, 2, 3], 'stride': 2}, [4, 4, 6]),
]
rows = []
for rank, shape, options, size in CASES:
    for dtype in (torch.float32, torch.float64):
        n = torch.Size(shape).numel()
        x = (torch.arange(n, dtype=dtype).reshape(shape) * 37 % 211 / 10).requires_grad_()
        named = {{'kernelSize': 'kernel_size'}.get(k, k): v for k, v in options.items()}
        pool, unpool = getattr(F, f'max_pool{rank}d'), getattr(F, f'max_unpool{rank}d')
        y, indices = pool(x, return_indices=True, **named)
        back = unpool(y, indices, output_size=size, **named)
        back.backward(torch.arange(back.numel(), dtype=dtype).reshape(back.shape) % 7 - 3)
        rows.append({'rank': rank, 'options': options, 'size': size, 'x': encode(x), 'y': encode(y),
                     'indices': encode(indices), 'back': encode(back), 'gradient': encode(x.grad)})
adaptive = []
for rank, shape, size in ((1, [2, 3, 7], 3), (2, [2, 5, 6], [2, 4]), (2, [1, 2, 4, 7], [None, 3]), (3, [2, 2, 3, 5, 4], [2, 3, 2])):
    x = (torch.arange(torch.Size(shape).numel(), dtype=torch.float64).reshape(shape) * 37 % 53 / 10).requires_grad_()
    y, indices = getattr(F, f'adaptive_max_pool{rank}d')(x, size, return_indices=True)
    y.backward(torch.arange(y.numel(), dtype=torch.float64).reshape(y.shape) % 7 - 3)
    adaptive.append({'rank': rank, 'size': size, 'x': encode(x), 'y': encode(y), 'indices': encode(indices),
                     'gradient': encode(x.grad)})
write('unpool.json', {'rows': rows, 'adaptive': adaptive})
