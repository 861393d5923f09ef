"""W4 to W7 in PyTorch: networks, optimizers and data; bench/families.js states the same in this library."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

VOCABULARY, CONTEXT = 65, 128


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def convolution(inputs, outputs, stride=1):
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)


class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.c1 = convolution(channels, channels)
        self.b1 = nn.BatchNorm2d(channels)
        self.c2 = convolution(channels, channels)
        self.b2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        return F.relu(x + self.b2(self.c2(F.relu(self.b1(self.c1(x))))))


def resnet():
    def unit(inputs, outputs, stride):
        return [convolution(inputs, outputs, stride), nn.BatchNorm2d(outputs), nn.ReLU()]

    return nn.Sequential(
        *unit(3, 32, 1), *unit(32, 64, 2), ResidualBlock(64), *unit(64, 128, 2), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(128, 10))


class SequenceClassifier(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.r = kind(64, 128, batch_first=True)
        self.fc = nn.Linear(128, 10)

    def forward(self, x):
        output, _ = self.r(x)
        return self.fc(output[:, -1])


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.l1, self.l2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.pr = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.f1, self.f2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.heads = heads
        visible = torch.tril(torch.ones(CONTEXT, CONTEXT))
        self.register_buffer('mask', visible.view(1, 1, CONTEXT, CONTEXT) == 0)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (z.view(B, T, self.heads, C // self.heads).transpose(1, 2) for z in self.qkv(self.l1(x)).split(C, 2))
        scores = (q @ k.transpose(-2, -1)) * (1 / math.sqrt(C // self.heads))
        weights = F.softmax(scores.masked_fill(self.mask[:, :, :T, :T], float('-inf')), -1)
        x = x + self.pr((weights @ v).transpose(1, 2).contiguous().view(B, T, C))
        return x + self.f2(F.gelu(self.f1(self.l2(x))))


class GPT(nn.Module):
    def __init__(self, layers=4, heads=4, width=128):
        super().__init__()
        self.te, self.pe = nn.Embedding(VOCABULARY, width), nn.Embedding(CONTEXT, width)
        self.b = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln = nn.LayerNorm(width)
        self.head = nn.Linear(width, VOCABULARY, bias=False)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, 0, 0.02)

    def forward(self, index):
        x = self.te(index) + self.pe(torch.arange(index.shape[1]))
        for block in self.b:
            x = block(x)
        return self.head(self.ln(x))


def adam(parameters):
    return torch.optim.Adam(parameters, 1e-3)


FAMILIES = {
    'W4': (lenet, adam, 64),
    'W5': (resnet, lambda parameters: torch.optim.SGD(parameters, 0.05, momentum=0.9), 32),
    'W6': (lambda: SequenceClassifier(nn.LSTM), adam, 32),
    'W6g': (lambda: SequenceClassifier(nn.GRU), adam, 32),
    'W7': (GPT, lambda parameters: torch.optim.AdamW(parameters, 1e-3), 16),
}


def training(workload):
    """The model, its optimizer and the loss of outputs and targets."""
    make, optimizer, _ = FAMILIES[workload]
    model = make()
    if workload == 'W7':
        return model, optimizer(model.parameters()), lambda o, y: F.cross_entropy(o.view(-1, VOCABULARY), y.view(-1))
    return model, optimizer(model.parameters()), F.cross_entropy


def batches(x, y, size):
    return [(x[i:i + size].contiguous(), y[i:i + size].contiguous()) for i in range(0, len(x), size)]


def classes(count, *shape):
    patterns, labels = torch.randn(10, *shape), torch.randint(0, 10, (count,))
    return patterns[labels] * 0.5 + torch.randn(count, *shape), labels


def sequences(count):
    patterns, labels = torch.randn(10, 64), torch.randint(0, 10, (count,))
    return patterns[labels][:, None, :] * 0.3 + torch.randn(count, 64, 64), labels


def text(size):
    chain = torch.softmax(3 * torch.randn(VOCABULARY, VOCABULARY), -1).cumsum(-1)
    tokens = [0]
    for chance in torch.rand(60000).tolist():
        tokens.append(min(VOCABULARY - 1, int(torch.searchsorted(chain[tokens[-1]], chance))))
    tokens = torch.tensor(tokens)
    found = []
    for _ in range(64):
        starts = torch.randint(0, len(tokens) - CONTEXT - 1, (size,))
        found.append((torch.stack([tokens[i:i + CONTEXT] for i in starts]),
                      torch.stack([tokens[i + 1:i + CONTEXT + 1] for i in starts])))
    return found


def data(workload):
    size = FAMILIES[workload][2]
    if workload == 'W7':
        return text(size)
    if workload == 'W4':
        return batches(*classes(4096, 1, 28, 28), size)
    return batches(*(classes(1024, 3, 32, 32) if workload == 'W5' else sequences(1024)), size)
