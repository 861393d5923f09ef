"""Outputs, gradients and running statistics of torchvision's models, of rtdl_revisiting_models' FT-Transformer, and of the
models that neither has, written here in PyTorch. Made with PyTorch 2.15 and torchvision 0.29:
`python test/golden/make_models.py`.

No weights are stored: every tensor is filled by a formula of its name and of the element's position, which
test/support/formula.ts computes as well. A gradient is stored as its product with the formula's tensor of the same name
after `probe/`, which one wrong element changes.
"""
import hashlib

import numpy as np
import rtdl_revisiting_models
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import Bottleneck, ResNet

from common import number, write


def uniform(name, size):
    """Numbers in [-1, 1): a hash of the name, mixed with the position."""
    seed = 2166136261
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 & 0xFFFFFFFF
    with np.errstate(over='ignore'):
        h = np.arange(size, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(seed)
        h ^= h >> np.uint32(16)
        h *= np.uint32(0x45D9F3B)
        h ^= h >> np.uint32(16)
    return (h >> np.uint32(8)).astype(np.float64) / 2**23 - 1


def shaped(name, *shape):
    return torch.tensor(uniform(name, int(np.prod(shape)))).reshape(shape)


def fill(model):
    with torch.no_grad():
        for name, t in model.state_dict().items():
            if not t.is_floating_point():
                continue
            u = shaped(name, *t.shape)
            if name.endswith('running_var'):
                u = 1 + 0.5 * u
            elif t.dim() > 1 and not name.endswith('original0'):
                u = u * (6 / np.prod(t.shape[1:])) ** 0.5
            elif name.endswith('bias') or name.endswith('running_mean'):
                u = 0.1 * u
            else:
                u = 1 + 0.2 * u
            t.copy_(u)


def probe(name, t):
    return float((t.detach() * shaped('probe/' + name, *t.shape)).sum())


def state_of(model):
    lines = [f'{name} {list(t.shape)}' for name, t in model.state_dict().items()]
    return {
        'keys': len(lines),
        'parameters': sum(p.numel() for p in model.parameters()),
        'sha256': hashlib.sha256('\n'.join(lines).encode()).hexdigest(),
    }


def run(model, inputs, train):
    """Outputs of a model in evaluation; in training also the gradients of the outputs' probe, and the buffers after it."""
    fill(model.double())
    model.eval()
    result = {'eval': [number(v) for v in flat(model(*inputs))]}
    if train:
        model.train()
        outputs = model(*inputs)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        result['train'] = [number(v) for v in flat(outputs)]
        sum((y * shaped(f'probe/output{i}', *y.shape)).sum() for i, y in enumerate(outputs)).backward()
        result['gradients'] = [None if p.grad is None else probe(n, p.grad) for n, p in model.named_parameters()]
        result['buffers'] = [probe(n, b.double()) for n, b in model.named_buffers()]
    return result


def flat(outputs):
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return torch.cat([y.detach().reshape(-1) for y in outputs]).tolist()


class DoubleConv(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        layers = [[nn.Conv2d(n, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU()] for n in (i, o)]
        self.double_conv = nn.Sequential(*layers[0], *layers[1])


class UNet(nn.Module):
    def __init__(self, i, classes, features, depth):
        super().__init__()
        self.depth = depth
        self.inc = DoubleConv(i, features)
        for k in range(1, depth + 1):
            down = nn.Module()
            down.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(features * 2 ** (k - 1), features * 2**k))
            self.add_module(f'down{k}', down)
        for k in range(1, depth + 1):
            wide = features * 2 ** (depth - k + 1)
            up = nn.Module()
            up.up = nn.ConvTranspose2d(wide, wide // 2, 2, stride=2)
            up.conv = DoubleConv(wide, wide // 2)
            self.add_module(f'up{k}', up)
        self.outc = nn.Module()
        self.outc.conv = nn.Conv2d(features, classes, 1)

    def forward(self, x):
        kept = [self.inc.double_conv(x)]
        for k in range(1, self.depth + 1):
            pool, convs = getattr(self, f'down{k}').maxpool_conv
            kept.append(convs.double_conv(pool(kept[-1])))
        y = kept.pop()
        for k in range(1, self.depth + 1):
            up, skip = getattr(self, f'up{k}'), kept.pop()
            y = up.up(y)
            rows, columns = skip.shape[2] - y.shape[2], skip.shape[3] - y.shape[3]
            y = F.pad(y, [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2])
            y = up.conv.double_conv(torch.cat([skip, y], 1))
        return self.outc.conv(y)


class TCN(nn.Module):
    def __init__(self, i, out, channels, kernel):
        super().__init__()
        self.kernel = kernel
        norm = nn.utils.parametrizations.weight_norm
        self.network = nn.Sequential()
        for k, n in enumerate(channels):
            block = nn.Module()
            block.conv1 = norm(nn.Conv1d(i, n, kernel, dilation=2**k))
            block.conv2 = norm(nn.Conv1d(n, n, kernel, dilation=2**k))
            if i != n:
                block.downsample = nn.Conv1d(i, n, 1)
            self.network.append(block)
            i = n
        self.linear = nn.Linear(i, out)

    def forward(self, x):
        for k, block in enumerate(self.network):
            past = ((self.kernel - 1) * 2**k, 0)
            y = F.relu(block.conv2(F.pad(F.relu(block.conv1(F.pad(x, past))), past)))
            x = F.relu(y + (block.downsample(x) if hasattr(block, 'downsample') else x))
        return self.linear(x[..., -1])


class LSTMClassifier(nn.Module):
    def __init__(self, inputs, hidden, classes, tokens=None, layers=1, bidirectional=False):
        super().__init__()
        if tokens is not None:
            self.embedding = nn.Embedding(tokens, inputs)
        self.lstm = nn.LSTM(inputs, hidden, layers, batch_first=True, bidirectional=bidirectional)
        self.fc = nn.Linear(hidden * (2 if bidirectional else 1), classes)

    def forward(self, x, lengths=None):
        x = self.embedding(x) if hasattr(self, 'embedding') else x
        if lengths is not None:
            x = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        h = self.lstm(x)[1][0]
        return self.fc(torch.cat([h[-2], h[-1]], 1) if self.lstm.bidirectional else h[-1])


class VAE(nn.Module):
    def __init__(self, inputs, hidden, latent):
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(inputs, hidden), nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        self.fc3, self.fc4 = nn.Linear(latent, hidden), nn.Linear(hidden, inputs)

    def forward(self, x):
        h = F.relu(self.fc1(x))
        mean, log_var = self.fc21(h), self.fc22(h)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(mean)))), mean, log_var

    def loss(self, x):
        y, mean, log_var = self(x)
        error = F.binary_cross_entropy(y, x, reduction='sum')
        return (error - 0.5 * (1 + log_var - mean**2 - log_var.exp()).sum()) / len(x)


vision = torchvision.models
image = lambda size: (shaped('input', 2, 3, size, size),)  # noqa: E731
with torch.device('meta'):
    state = {
        name: state_of(make())
        for name, make in {
            'resnet18': vision.resnet18,
            'resnet34': vision.resnet34,
            'resnet50': vision.resnet50,
            'mobilenetV2': vision.mobilenet_v2,
            'mobilenetV3Small': vision.mobilenet_v3_small,
            'mobilenetV3Large': vision.mobilenet_v3_large,
            'efficientnetB0': vision.efficientnet_b0,
            'vitB16': lambda: vision.VisionTransformer(224, 16, 12, 12, 24, 96),  # vit_b_16 is 32 times as wide
            'UNet': lambda: UNet(3, 2, 64, 4),
            'FTTransformer': lambda: rtdl_revisiting_models.FTTransformer(
                n_cont_features=4, cat_cardinalities=[3, 5], d_out=2,
                **{k: v for k, v in rtdl_revisiting_models.FTTransformer.get_default_kwargs().items() if k[0] != '_'},
            ),
        }.items()
    }

two_kinds = dict(
    d_out=2, n_blocks=2, d_block=16, attention_n_heads=4, attention_dropout=0.0, ffn_d_hidden=12,
    ffn_d_hidden_multiplier=None, ffn_dropout=0.0, residual_dropout=0.0,
)
categories = torch.tensor([[0, 4], [2, 1], [1, 0]])
tokens = torch.tensor([[1, 4, 2, 0], [3, 3, 0, 0], [5, 0, 0, 0]])
lengths = torch.tensor([4, 2, 1])
models = {
    'resnet18': run(vision.resnet18(num_classes=5), image(40), True),
    'bottlenecks': run(
        ResNet(Bottleneck, [1, 2, 1, 2], 5, groups=2, width_per_group=16, replace_stride_with_dilation=[False, True, True]),
        image(32), True,
    ),
    'mobilenetV2': run(vision.mobilenet_v2(num_classes=5, width_mult=0.35, dropout=0.0), image(64), True),
    'mobilenetV3Small': run(vision.mobilenet_v3_small(num_classes=5, dropout=0.0), image(64), True),
    'mobilenetV3Large': run(
        vision.mobilenet_v3_large(num_classes=5, dropout=0.0, width_mult=0.5, reduced_tail=True, dilated=True),
        image(64), True,
    ),
    'efficientnetB0': run(vision.efficientnet_b0(num_classes=5, dropout=0.0, stochastic_depth_prob=0.0), image(64), True),
    'VisionTransformer': run(vision.VisionTransformer(32, 8, 2, 4, 32, 64, num_classes=5), image(32), True),
    'representation': run(
        vision.VisionTransformer(16, 8, 1, 2, 8, 16, num_classes=5, representation_size=12), image(16), True
    ),
    'MLP': run(torchvision.ops.MLP(6, [8, 8, 3], nn.LayerNorm, nn.GELU), (shaped('input', 4, 6),), True),
    'UNet': run(UNet(1, 3, 4, 2), (shaped('input', 2, 1, 13, 18),), True),
    'FTTransformer': run(
        rtdl_revisiting_models.FTTransformer(n_cont_features=4, cat_cardinalities=[3, 5], **two_kinds),
        (shaped('input', 3, 4), categories), True,
    ),
    'numbers': run(
        rtdl_revisiting_models.FTTransformer(n_cont_features=4, cat_cardinalities=[], **{**two_kinds, 'attention_n_heads': 1}),
        (shaped('input', 3, 4), None), True,
    ),
    'TCN': run(TCN(2, 3, [4, 4, 6], 3), (shaped('input', 3, 2, 20),), True),
    'LSTMClassifier': run(LSTMClassifier(5, 6, 3, layers=2), (shaped('input', 3, 7, 5),), True),
    'tokens': run(LSTMClassifier(5, 6, 3, 6, 1, True), (tokens, lengths), True),
    'VAE': run(VAE(10, 8, 2), ((shaped('input', 3, 10) + 1) / 2,), False),
}
vae = VAE(10, 8, 2).double()
fill(vae)
loss = vae.loss((shaped('input', 3, 10) + 1) / 2).item()
write('models.json', {'torchvision': torchvision.__version__, 'state': state, **models, 'vaeLoss': loss})
