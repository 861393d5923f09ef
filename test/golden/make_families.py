"""Makes families.json: the losses of 20 steps of W4 to W7 (bench/peers/torch_families.py), in float32.

Weights and data come from the generator of Park and Miller, which every language computes exactly, so that the file
holds nothing but losses; test/train/families.test.ts makes the same. Each workload also runs in float64, and from weights
whose last bits are others: one whose losses depend much on rounding is refused, because another float32 implementation
could not reproduce them. (W5 with its high rate is the worst: a ReLU that rounding flips grows to 1e-4 in 20 steps.)
"""
import math
import os
import sys

import torch

from common import write

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '../../bench/peers'))
import torch_families as families  # noqa: E402

STEPS, BATCHES = 20, 10
# workload: samples in a batch, shape of a sample, after how many features the pattern of a class begins again
DATA = {'W4': (32, (1, 28, 28), 784), 'W5': (16, (3, 32, 32), 3072), 'W6': (16, (64, 64), 64), 'W6g': (16, (64, 64), 64),
        'W7': (4, (128,), 0)}


def park_miller(seed):
    """Numbers in (-1, 1): state <- 16807 * state mod (2^31 - 1)."""
    while True:
        seed = seed * 16807 % 2147483647
        yield seed / 1073741823.5 - 1


def fill(model, dtype, shake):
    """Matrices of variance 1 / inputs; vectors near 1 or 0, as their name says. `shake`: the seed of other last bits."""
    draw = park_miller(1)
    torch.manual_seed(shake)
    model.to(dtype)
    with torch.no_grad():
        for name, p in model.named_parameters():
            scale = math.sqrt(3 / p[0].numel()) if p.dim() > 1 else 0.1
            offset = 1 if p.dim() == 1 and name.endswith('weight') else 0
            values = [offset + scale * next(draw) for _ in range(p.numel())]
            p.copy_(torch.tensor(values, dtype=torch.float64).view(p.shape).float())
            if shake:
                p.mul_(1 + 1e-7 * torch.randn(p.shape))


def samples(size, shape, period):
    draw = park_miller(2)
    features = math.prod(shape)
    patterns = [[next(draw) for _ in range(period)] for _ in range(10)]
    for _ in range(BATCHES):
        labels = [math.floor(5 * (next(draw) + 1)) for _ in range(size)]
        x = [[patterns[label][k % period] + next(draw) for k in range(features)] for label in labels]
        yield torch.tensor(x, dtype=torch.float64).view(size, *shape).float(), torch.tensor(labels)


def texts(size, length):
    draw = park_miller(2)
    for _ in range(BATCHES):
        rows = []
        for _ in range(size):
            row = [math.floor(32 * (next(draw) + 1))]
            while len(row) <= length:
                row.append((3 * row[-1] + 1 + math.floor(2 * (next(draw) + 1))) % 65)
            rows.append(row)
        rows = torch.tensor(rows)
        yield rows[:, :-1].contiguous(), rows[:, 1:].contiguous()


def losses_of(workload, dtype=torch.float32, shake=0):
    model, optimizer, lossf = families.training(workload)
    fill(model, dtype, shake)
    size, shape, period = DATA[workload]
    data = list(samples(size, shape, period) if period else texts(size, *shape))
    losses = []
    for i in range(STEPS):
        x, y = data[i % BATCHES]
        loss = lossf(model(x.to(dtype) if period else x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


torch.set_num_threads(1)
workloads = []
for name, (size, shape, period) in DATA.items():
    losses = losses_of(name)
    others = [losses_of(name, torch.float64)] + [losses_of(name, shake=seed) for seed in (1, 2, 3)]
    worst = max(abs(a - b) / abs(b) for other in others for a, b in zip(losses, other))
    print(f'{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}, roundings apart by {worst:.1e}')
    if worst > 1e-4:
        raise SystemExit(f'{name} depends on rounding')
    workloads.append({'name': name, 'size': size, 'shape': shape, 'period': period, 'losses': losses})
write('families.json', {'batches': BATCHES, 'workloads': workloads})
