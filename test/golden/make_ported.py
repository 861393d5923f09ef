"""Makes ported.json: the numbers of short PyTorch programs, as people write them; test/fixtures/ported has them line by line.

Each program returns what it would print. `numbers` and `fill` make the same inputs and weights on both sides.
"""
import copy
import io
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, TensorDataset

from common import write


def numbers(shape, seed):
    k = torch.arange(math.prod(shape), dtype=torch.float64)
    x = (37 * k * k + 17 * k + 11 * seed) % 101
    return (x / 101 - 0.5).float().reshape(shape)


def fill(model):
    with torch.no_grad():
        for i, p in enumerate(model.parameters()):
            p.copy_(numbers(p.shape, i))


def lenet():
    class LeNet(nn.Module):
        def __init__(self, num_classes=10):
            super().__init__()
            self.conv1 = nn.Conv2d(1, 4, 5, padding=2)
            self.conv2 = nn.Conv2d(4, 6, kernel_size=5)
            self.pool = nn.MaxPool2d(2, 2)
            self.fc1 = nn.Linear(6 * 4 * 4, 16)
            self.fc2 = nn.Linear(16, num_classes)
            self.dropout = nn.Dropout(p=0.0)

        def forward(self, x):
            x = self.pool(F.relu(self.conv1(x)))
            x = self.pool(F.relu(self.conv2(x)))
            x = x.view(x.size(0), -1)
            x = F.relu(self.fc1(x))
            return self.fc2(self.dropout(x))

    net = LeNet(num_classes=3)
    fill(net)
    images, labels = numbers([12, 1, 24, 24], 3), torch.arange(12) % 3
    loader = DataLoader(TensorDataset(images, labels), batch_size=4, shuffle=False)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    printed = []
    for epoch in range(2):
        net.train()
        running_loss = 0.0
        for i, (inputs, targets) in enumerate(loader):
            optimizer.zero_grad()
            outputs = net(inputs)
            loss = criterion(outputs, targets)
            loss.backward()
            optimizer.step()
            running_loss += loss.item() * inputs.size(0)
        scheduler.step()
        printed.append(running_loss / len(loader.dataset))
        printed.append(optimizer.param_groups[0]['lr'])
    net.eval()
    correct, total = 0, 0
    with torch.no_grad():
        for inputs, targets in loader:
            _, predicted = torch.max(net(inputs), 1)
            total += targets.size(0)
            correct += (predicted == targets).sum().item()
    printed.append(correct / total)
    return printed


def resnet():
    class BasicBlock(nn.Module):
        expansion = 1

        def __init__(self, in_planes, planes, stride=1):
            super().__init__()
            self.conv1 = nn.Conv2d(in_planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(planes)
            self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, stride=1, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(planes)
            self.relu = nn.ReLU(inplace=True)
            self.shortcut = nn.Sequential()
            if stride != 1 or in_planes != self.expansion * planes:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(in_planes, self.expansion * planes, kernel_size=1, stride=stride, bias=False),
                    nn.BatchNorm2d(self.expansion * planes),
                )

        def forward(self, x):
            out = self.relu(self.bn1(self.conv1(x)))
            out = self.bn2(self.conv2(out))
            out += self.shortcut(x)
            out = F.relu(out)
            return out

    class ResNet(nn.Module):
        def __init__(self, block, num_blocks, num_classes=4):
            super().__init__()
            self.in_planes = 4
            self.conv1 = nn.Conv2d(3, 4, kernel_size=3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(4)
            self.layer1 = self._make_layer(block, 4, num_blocks[0], stride=1)
            self.layer2 = self._make_layer(block, 8, num_blocks[1], stride=2)
            self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
            self.linear = nn.Linear(8 * block.expansion, num_classes)
            for m in self.modules():
                if isinstance(m, nn.Conv2d):
                    nn.init.kaiming_normal_(m.weight, mode='fan_out', nonlinearity='relu')
                elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                    nn.init.constant_(m.weight, 1)
                    nn.init.constant_(m.bias, 0)

        def _make_layer(self, block, planes, num_blocks, stride):
            strides = [stride] + [1] * (num_blocks - 1)
            layers = []
            for stride in strides:
                layers.append(block(self.in_planes, planes, stride))
                self.in_planes = planes * block.expansion
            return nn.Sequential(*layers)

        def forward(self, x):
            out = F.relu(self.bn1(self.conv1(x)))
            out = self.layer2(self.layer1(out))
            out = self.avgpool(out)
            out = torch.flatten(out, 1)
            return self.linear(out)

    model = ResNet(BasicBlock, [1, 2])
    fill(model)
    decay = [p for p in model.parameters() if p.ndim > 1]
    no_decay = [p for n, p in model.named_parameters() if p.ndim <= 1]
    optimizer = torch.optim.SGD([
        {'params': decay, 'weight_decay': 5e-4},
        {'params': no_decay, 'weight_decay': 0.0},
    ], lr=0.05, momentum=0.9, nesterov=True)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4, eta_min=1e-3)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    x, y = numbers([6, 3, 8, 8], 1), torch.tensor([0, 1, 2, 3, 0, 1])
    printed = []
    for epoch in range(4):
        loss = criterion(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        scheduler.step()
        printed += [loss.item(), scheduler.get_last_lr()[0]]
    model.eval()
    with torch.no_grad():
        prob = F.softmax(model(x), dim=1)
        top = prob.topk(2, dim=1)
    printed += top.values[0].tolist() + [top.indices[0, 0].item()]
    printed += [model.bn1.running_mean[0].item(), model.layer2[1].bn2.running_var[1].item()]
    printed += [sum(p.numel() for p in model.parameters() if p.requires_grad)]
    return printed


def transformer():
    class PositionalEncoding(nn.Module):
        def __init__(self, d_model, dropout=0.1, max_len=50):
            super().__init__()
            self.dropout = nn.Dropout(p=dropout)
            position = torch.arange(max_len).unsqueeze(1)
            div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
            pe = torch.zeros(max_len, 1, d_model)
            pe[:, 0, 0::2] = torch.sin(position * div_term)
            pe[:, 0, 1::2] = torch.cos(position * div_term)
            self.register_buffer('pe', pe)

        def forward(self, x):
            x = x + self.pe[:x.size(0)]
            return self.dropout(x)

    class TransformerModel(nn.Module):
        def __init__(self, ntoken, d_model, nhead, d_hid, nlayers, dropout=0.5):
            super().__init__()
            self.pos_encoder = PositionalEncoding(d_model, dropout)
            encoder_layers = nn.TransformerEncoderLayer(d_model, nhead, d_hid, dropout)
            self.transformer_encoder = nn.TransformerEncoder(encoder_layers, nlayers)
            self.embedding = nn.Embedding(ntoken, d_model)
            self.d_model = d_model
            self.linear = nn.Linear(d_model, ntoken)
            self.init_weights()

        def init_weights(self):
            initrange = 0.1
            self.embedding.weight.data.uniform_(-initrange, initrange)
            self.linear.bias.data.zero_()
            self.linear.weight.data.uniform_(-initrange, initrange)

        def forward(self, src, src_mask=None):
            src = self.embedding(src) * math.sqrt(self.d_model)
            src = self.pos_encoder(src)
            if src_mask is None:
                src_mask = nn.Transformer.generate_square_subsequent_mask(len(src))
            output = self.transformer_encoder(src, src_mask)
            return self.linear(output)

    ntokens = 11
    model = TransformerModel(ntokens, d_model=8, nhead=2, d_hid=16, nlayers=2, dropout=0.0)
    fill(model)
    data = (torch.arange(60) * 7 % ntokens).view(2, -1).t().contiguous()

    def get_batch(source, i, bptt=8):
        seq_len = min(bptt, len(source) - 1 - i)
        data = source[i:i + seq_len]
        target = source[i + 1:i + 1 + seq_len].reshape(-1)
        return data, target

    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, betas=(0.9, 0.98), eps=1e-9)
    warmup = 4
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) / warmup, 1.0))
    printed = []
    model.train()
    total_loss = 0.
    for batch, i in enumerate(range(0, data.size(0) - 1, 8)):
        inputs, targets = get_batch(data, i)
        output = model(inputs)
        output_flat = output.view(-1, ntokens)
        loss = criterion(output_flat, targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        scheduler.step()
        total_loss += loss.item()
        printed.append(loss.item())
    printed.append(math.exp(total_loss / (batch + 1)))
    mask = torch.zeros(2, 8, dtype=torch.bool)
    mask[1, 5:] = True
    model.eval()
    with torch.no_grad():
        out = model.transformer_encoder(model.embedding(data[:8]), src_key_padding_mask=mask)
        keep = (~mask).t().unsqueeze(-1).float()
        mean = (out * keep).sum(dim=0) / keep.sum(dim=0).clamp(min=1)
    printed += mean[1].tolist()[:4]
    return printed


def tagger():
    class LSTMTagger(nn.Module):
        def __init__(self, vocab_size, embedding_dim, hidden_dim, tagset_size):
            super().__init__()
            self.hidden_dim = hidden_dim
            self.word_embeddings = nn.Embedding(vocab_size, embedding_dim, padding_idx=0)
            self.lstm = nn.LSTM(embedding_dim, hidden_dim // 2, num_layers=2, bidirectional=True, batch_first=True)
            self.hidden2tag = nn.Linear(hidden_dim, tagset_size)

        def forward(self, sentences, lengths):
            embeds = self.word_embeddings(sentences)
            packed = pack_padded_sequence(embeds, lengths, batch_first=True, enforce_sorted=False)
            packed_out, (hidden, cell) = self.lstm(packed)
            lstm_out, _ = pad_packed_sequence(packed_out, batch_first=True)
            self.last = torch.cat((hidden[-2], hidden[-1]), dim=1)
            tag_space = self.hidden2tag(lstm_out)
            return F.log_softmax(tag_space, dim=-1)

    sentences = [torch.tensor([1, 2, 3]), torch.tensor([4, 5, 6, 7, 2]), torch.tensor([3, 1])]
    tags = [torch.tensor([0, 1, 2]), torch.tensor([0, 1, 1, 2, 0]), torch.tensor([2, 1])]
    x = pad_sequence(sentences, batch_first=True, padding_value=0)
    y = pad_sequence(tags, batch_first=True, padding_value=-100)
    lengths = torch.tensor([len(s) for s in sentences])
    model = LSTMTagger(8, 6, 8, 3)
    fill(model)
    loss_function = nn.NLLLoss(ignore_index=-100)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    printed = []
    for epoch in range(5):
        model.zero_grad()
        tag_scores = model(x, lengths)
        loss = loss_function(tag_scores.view(-1, 3), y.view(-1))
        loss.backward()
        optimizer.step()
        printed.append(loss.item())
    with torch.no_grad():
        pred = model(x, lengths).argmax(dim=-1)
        mask = y != -100
        accuracy = (pred[mask] == y[mask]).float().mean()
    printed.append(accuracy.item())
    printed += model.last[1, :3].tolist()
    h0 = torch.zeros(4, 2, 4)
    c0 = torch.ones_like(h0)
    out, (hn, cn) = model.lstm(numbers([2, 3, 6], 5), (h0, c0))
    printed += [out.mean().item(), hn[-1].sum().item(), cn.abs().max().item()]
    return printed


def vae():
    class VAE(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = nn.Linear(36, 20)
            self.fc21 = nn.Linear(20, 5)
            self.fc22 = nn.Linear(20, 5)
            self.fc3 = nn.Linear(5, 20)
            self.fc4 = nn.Linear(20, 36)

        def encode(self, x):
            h1 = F.relu(self.fc1(x))
            return self.fc21(h1), self.fc22(h1)

        def reparameterize(self, mu, logvar, eps):
            std = torch.exp(0.5 * logvar)
            return mu + eps * std

        def decode(self, z):
            h3 = F.relu(self.fc3(z))
            return torch.sigmoid(self.fc4(h3))

        def forward(self, x, eps):
            mu, logvar = self.encode(x.view(-1, 36))
            z = self.reparameterize(mu, logvar, eps)
            return self.decode(z), mu, logvar

    def loss_function(recon_x, x, mu, logvar):
        BCE = F.binary_cross_entropy(recon_x, x.view(-1, 36), reduction='sum')
        KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        return BCE + KLD

    model = VAE()
    fill(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    data = numbers([8, 1, 6, 6], 2) + 0.5
    printed = []
    for step in range(5):
        eps = numbers([8, 5], step)
        recon, mu, logvar = model(data, eps)
        loss = loss_function(recon, data, mu, logvar)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        printed.append(loss.item() / len(data))
    with torch.no_grad():
        sample = model.decode(numbers([2, 5], 9)).view(2, 1, 6, 6)
    printed += [sample.min().item(), sample.max().item(), sample[0, 0, 1, 2].item()]
    normal = torch.distributions.Normal(mu, torch.exp(0.5 * logvar))
    prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    printed.append(torch.distributions.kl_divergence(normal, prior).sum(-1).mean().item())
    return printed


def ddpm():
    def extract(a, t, x_shape):
        batch_size = t.shape[0]
        out = a.gather(-1, t)
        return out.reshape(batch_size, *((1,) * (len(x_shape) - 1)))

    class SinusoidalPositionEmbeddings(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.dim = dim

        def forward(self, time):
            half_dim = self.dim // 2
            embeddings = math.log(10000) / (half_dim - 1)
            embeddings = torch.exp(torch.arange(half_dim) * -embeddings)
            embeddings = time[:, None] * embeddings[None, :]
            embeddings = torch.cat((embeddings.sin(), embeddings.cos()), dim=-1)
            return embeddings

    class Block(nn.Module):
        def __init__(self, dim, dim_out, time_dim, groups=2):
            super().__init__()
            self.proj = nn.Conv2d(dim, dim_out, 3, padding=1)
            self.norm = nn.GroupNorm(groups, dim_out)
            self.act = nn.SiLU()
            self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(time_dim, dim_out * 2))

        def forward(self, x, time_emb):
            time_emb = self.mlp(time_emb)[:, :, None, None]
            scale, shift = time_emb.chunk(2, dim=1)
            x = self.norm(self.proj(x))
            x = x * (scale + 1) + shift
            return self.act(x)

    class Unet(nn.Module):
        def __init__(self, dim, channels=1):
            super().__init__()
            self.time_mlp = nn.Sequential(SinusoidalPositionEmbeddings(dim), nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim))
            self.down = Block(channels, dim, dim)
            self.pool = nn.AvgPool2d(2)
            self.mid = Block(dim, dim, dim)
            self.up = nn.Upsample(scale_factor=2, mode='nearest')
            self.out = Block(2 * dim, dim, dim)
            self.final = nn.Conv2d(dim, channels, 1)

        def forward(self, x, time):
            t = self.time_mlp(time)
            h = self.down(x, t)
            m = self.up(self.mid(self.pool(h), t))
            return self.final(self.out(torch.cat([h, m], dim=1), t))

    timesteps = 20
    betas = torch.linspace(0.0001, 0.02, timesteps)
    alphas = 1. - betas
    alphas_cumprod = torch.cumprod(alphas, dim=0)
    alphas_cumprod_prev = F.pad(alphas_cumprod[:-1], (1, 0), value=1.0)
    sqrt_recip_alphas = torch.sqrt(1.0 / alphas)
    sqrt_alphas_cumprod = torch.sqrt(alphas_cumprod)
    sqrt_one_minus_alphas_cumprod = torch.sqrt(1. - alphas_cumprod)
    posterior_variance = betas * (1. - alphas_cumprod_prev) / (1. - alphas_cumprod)

    model = Unet(4)
    fill(model)
    ema = copy.deepcopy(model)
    for p in ema.parameters():
        p.requires_grad_(False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    x_start = numbers([4, 1, 8, 8], 4)
    printed = []
    for step in range(3):
        t = torch.tensor([1, 5, 10, 19])
        noise = numbers([4, 1, 8, 8], step) * 3.4
        x_noisy = extract(sqrt_alphas_cumprod, t, x_start.shape) * x_start + \
            extract(sqrt_one_minus_alphas_cumprod, t, x_start.shape) * noise
        predicted_noise = model(x_noisy, t)
        loss = F.smooth_l1_loss(noise, predicted_noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for e, p in zip(ema.parameters(), model.parameters()):
                e.mul_(0.9).add_(p, alpha=0.1)
        printed.append(loss.item())

    @torch.no_grad()
    def p_sample(model, x, t, t_index, noise):
        betas_t = extract(betas, t, x.shape)
        model_mean = extract(sqrt_recip_alphas, t, x.shape) * (
            x - betas_t * model(x, t) / extract(sqrt_one_minus_alphas_cumprod, t, x.shape))
        if t_index == 0:
            return model_mean
        return model_mean + torch.sqrt(extract(posterior_variance, t, x.shape)) * noise

    img = numbers([2, 1, 8, 8], 8)
    for i in reversed(range(0, 3)):
        img = p_sample(ema, img, torch.full((2,), i, dtype=torch.long), i, numbers([2, 1, 8, 8], i))
    img = img.clamp(-1, 1)
    printed += [img.mean().item(), img.std().item(), img[1, 0, 3, 4].item()]
    return printed


def losses():
    class DiceLoss(nn.Module):
        def __init__(self, smooth=1.0):
            super().__init__()
            self.smooth = smooth

        def forward(self, logits, targets):
            probs = torch.sigmoid(logits)
            intersection = (probs * targets).sum(dim=(1, 2, 3))
            union = probs.sum(dim=(1, 2, 3)) + targets.sum(dim=(1, 2, 3))
            dice = (2. * intersection + self.smooth) / (union + self.smooth)
            return 1 - dice.mean()

    class FocalLoss(nn.Module):
        def __init__(self, alpha=0.25, gamma=2.0, reduction='mean'):
            super().__init__()
            self.alpha, self.gamma, self.reduction = alpha, gamma, reduction

        def forward(self, inputs, targets):
            bce = F.binary_cross_entropy_with_logits(inputs, targets, reduction='none')
            pt = torch.exp(-bce)
            alpha_t = torch.where(targets == 1, self.alpha, 1 - self.alpha)
            loss = alpha_t * (1 - pt) ** self.gamma * bce
            if self.reduction == 'mean':
                return loss.mean()
            return loss.sum()

    def info_nce(z1, z2, temperature=0.5):
        z = F.normalize(torch.cat([z1, z2], dim=0), dim=1)
        n = z1.shape[0]
        sim = z @ z.t() / temperature
        mask = torch.eye(2 * n, dtype=torch.bool)
        sim = sim.masked_fill(mask, float('-inf'))
        labels = torch.cat([torch.arange(n) + n, torch.arange(n)])
        return F.cross_entropy(sim, labels)

    def gram(features):
        b, c, h, w = features.size()
        f = features.view(b, c, h * w)
        return torch.bmm(f, f.transpose(1, 2)) / (c * h * w)

    def total_variation(img):
        dh = torch.abs(img[:, :, 1:, :] - img[:, :, :-1, :]).mean()
        dw = torch.abs(img[:, :, :, 1:] - img[:, :, :, :-1]).mean()
        return dh + dw

    class Clamped(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, low):
            ctx.save_for_backward(x)
            ctx.low = low
            return x.clamp(min=low)

        @staticmethod
        def backward(ctx, grad_output):
            x, = ctx.saved_tensors
            grad = grad_output.clone()
            grad[x < ctx.low] = 0
            return grad * 2, None

    def smooth(x, target):
        n = x.size(1)
        log_prob = F.log_softmax(x, dim=1)
        one_hot = torch.full_like(log_prob, 0.1 / (n - 1))
        one_hot.scatter_(1, target.unsqueeze(1), 0.9)
        return -(one_hot * log_prob).sum(dim=1).mean()

    logits = numbers([2, 1, 4, 4], 1).requires_grad_()
    targets = (numbers([2, 1, 4, 4], 6) > 0).float()
    printed = []
    dice, focal = DiceLoss(), FocalLoss()
    for loss in [dice(logits, targets), focal(logits, targets), total_variation(logits)]:
        grad, = torch.autograd.grad(loss, logits)
        printed += [loss.item(), grad.norm().item()]
    z1, z2 = numbers([4, 6], 3).requires_grad_(True), numbers([4, 6], 4)
    loss = info_nce(z1, z2)
    loss.backward()
    printed += [loss.item(), z1.grad.abs().sum().item()]
    features = numbers([1, 3, 4, 4], 2)
    printed += gram(features).diagonal(dim1=1, dim2=2).squeeze(0).tolist()
    w = torch.tensor([-1.0, 0.5, 2.0], requires_grad=True)
    Clamped.apply(w, 0.0).pow(2).sum().backward()
    printed += w.grad.tolist()
    printed.append(smooth(numbers([3, 5], 7), torch.tensor([1, 0, 4])).item())
    a, p, n = numbers([4, 6], 1), numbers([4, 6], 2), numbers([4, 6], 5)
    printed.append(nn.TripletMarginLoss(margin=1.0, p=2)(a, p, n).item())
    d = torch.cdist(a, p)
    hardest = d.masked_fill(torch.eye(4).bool(), 1e9).min(dim=1)[0]
    printed.append(torch.clamp(d.diag() - hardest + 0.3, min=0).mean().item())
    weights = torch.tensor([0.2, 0.3, 0.5])
    printed.append(F.cross_entropy(numbers([4, 3], 2), torch.tensor([0, 2, 1, 2]), weight=weights, reduction='sum').item())
    return printed


def hooks():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(
                nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3, padding=1))
            self.classifier = nn.Linear(5, 3)

        def forward(self, x):
            x = F.relu(self.features(x))
            return self.classifier(x.mean([2, 3]))

    activation, gradients = {}, {}

    def get_activation(name):
        def hook(module, input, output):
            activation[name] = output.detach()
        return hook

    model = Net()
    fill(model)
    model.eval()
    handles = []
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Conv2d):
            handles.append(layer.register_forward_hook(get_activation(name)))
    last = model.features[-1]
    handles.append(last.register_full_backward_hook(lambda m, gi, go: gradients.update({'value': go[0]})))
    x = numbers([1, 3, 8, 8], 1)
    score = model(x)
    index = score.argmax().item()
    model.zero_grad()
    score[0, index].backward()
    pooled = gradients['value'].mean(dim=[0, 2, 3])
    acts = activation['features.4'].clone()
    for i in range(acts.size(1)):
        acts[:, i, :, :] *= pooled[i]
    heatmap = torch.relu(torch.mean(acts, dim=1).squeeze())
    heatmap /= torch.max(heatmap)
    printed = [index, heatmap.sum().item(), activation['features.0'].std().item()]
    for handle in handles:
        handle.remove()
    for param in model.parameters():
        param.requires_grad = False
    model.classifier = nn.Linear(model.classifier.in_features, 2)
    with torch.no_grad():
        model.classifier.weight.copy_(numbers([2, 5], 4))
        model.classifier.bias.fill_(0.1)
    params = [p for p in model.parameters() if p.requires_grad]
    printed += [len(params), sum(p.numel() for p in params)]
    optimizer = torch.optim.Adam(filter(lambda p: p.requires_grad, model.parameters()), lr=0.05)
    for _ in range(3):
        loss = F.mse_loss(model(x), torch.tensor([[1.0, -1.0]]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    printed.append(loss.item())
    total_norm = 0.0
    for p in params:
        total_norm += p.grad.detach().norm(2).item() ** 2
    printed.append(total_norm ** 0.5)
    state = {k: v for k, v in model.state_dict().items() if k.startswith('features')}
    result = Net().load_state_dict(state, strict=False)
    printed += [len(result.missing_keys), len(result.unexpected_keys)]
    real, fake = numbers([3, 4], 1), numbers([3, 4], 2)
    critic = nn.Sequential(nn.Linear(4, 6), nn.LeakyReLU(0.2), nn.Linear(6, 1))
    fill(critic)
    alpha = (numbers([3, 1], 5) + 0.5).expand_as(real)
    interpolates = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    d_interpolates = critic(interpolates)
    grads = torch.autograd.grad(outputs=d_interpolates, inputs=interpolates, grad_outputs=torch.ones_like(d_interpolates),
                                create_graph=True, retain_graph=True)[0]
    penalty = ((grads.view(grads.size(0), -1).norm(2, dim=1) - 1) ** 2).mean()
    penalty.backward()
    printed += [penalty.item(), critic[0].weight.grad.sum().item()]
    v = torch.tensor([1.0, 2.0], requires_grad=True)
    handle = v.register_hook(lambda g: g * 3)
    (v * v).sum().backward()
    printed += v.grad.tolist()
    handle.remove()
    return printed


def training():
    model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
    fill(model)
    x, y = numbers([40, 5], 1), numbers([40, 1], 2)
    train_x, val_x = x[:30], x[30:]
    train_y, val_y = y[:30], y[30:]
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.02, alpha=0.9)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode='min', factor=0.5, patience=1)
    best, best_state, patience, printed = float('inf'), None, 0, []
    for epoch in range(12):
        model.train()
        perm = (torch.arange(30) * 7) % 30
        for i in range(0, len(train_x), 10):
            idx = perm[i:i + 10]
            xb, yb = train_x[idx], train_y[idx]
            loss = F.mse_loss(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            val_loss = F.mse_loss(model(val_x), val_y).item()
        scheduler.step(val_loss)
        if val_loss < best - 1e-4:
            best, patience = val_loss, 0
            best_state = copy.deepcopy(model.state_dict())
        else:
            patience += 1
            if patience >= 5:
                break
    printed += [epoch, best, optimizer.param_groups[0]['lr']]
    buffer = io.BytesIO()
    torch.save({'epoch': epoch, 'model_state_dict': model.state_dict(), 'optimizer_state_dict': optimizer.state_dict()}, buffer)
    model.load_state_dict(best_state)
    with torch.no_grad():
        printed.append(F.mse_loss(model(val_x), val_y).item())
    buffer.seek(0)
    checkpoint = torch.load(buffer)
    other = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
    other.load_state_dict(checkpoint['model_state_dict'])
    opt = torch.optim.RMSprop(other.parameters(), lr=0.02, alpha=0.9)
    opt.load_state_dict(checkpoint['optimizer_state_dict'])
    accumulation_steps = 3
    opt.zero_grad()
    for i in range(6):
        loss = F.l1_loss(other(train_x[i * 5:(i + 1) * 5]), train_y[i * 5:(i + 1) * 5]) / accumulation_steps
        loss.backward()
        if (i + 1) % accumulation_steps == 0:
            opt.step()
            opt.zero_grad()
    printed.append(loss.item())
    printed.append(torch.cat([p.detach().flatten() for p in other.parameters()]).norm().item())
    r2 = 1 - ((val_y - model(val_x)) ** 2).sum() / ((val_y - val_y.mean()) ** 2).sum()
    printed.append(r2.item())
    return printed


def gpt():
    class CausalSelfAttention(nn.Module):
        def __init__(self, n_embd, n_head, block_size):
            super().__init__()
            assert n_embd % n_head == 0
            self.c_attn = nn.Linear(n_embd, 3 * n_embd)
            self.c_proj = nn.Linear(n_embd, n_embd)
            self.n_head, self.n_embd = n_head, n_embd
            self.register_buffer('bias', torch.tril(torch.ones(block_size, block_size)).view(1, 1, block_size, block_size))

        def forward(self, x):
            B, T, C = x.size()
            q, k, v = self.c_attn(x).split(self.n_embd, dim=2)
            k = k.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
            q = q.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
            v = v.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
            att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            att = att.masked_fill(self.bias[:, :, :T, :T] == 0, float('-inf'))
            att = F.softmax(att, dim=-1)
            y = att @ v
            y = y.transpose(1, 2).contiguous().view(B, T, C)
            return self.c_proj(y)

    class Block(nn.Module):
        def __init__(self, n_embd, n_head, block_size):
            super().__init__()
            self.ln_1 = nn.LayerNorm(n_embd)
            self.attn = CausalSelfAttention(n_embd, n_head, block_size)
            self.ln_2 = nn.LayerNorm(n_embd)
            self.mlp = nn.ModuleDict(dict(
                c_fc=nn.Linear(n_embd, 4 * n_embd), c_proj=nn.Linear(4 * n_embd, n_embd), act=nn.GELU(approximate='tanh')))
            m = self.mlp
            self.mlpf = lambda x: m['c_proj'](m['act'](m['c_fc'](x)))

        def forward(self, x):
            x = x + self.attn(self.ln_1(x))
            x = x + self.mlpf(self.ln_2(x))
            return x

    class GPT(nn.Module):
        def __init__(self, vocab_size, n_layer=2, n_head=2, n_embd=8, block_size=12):
            super().__init__()
            self.block_size = block_size
            self.wte = nn.Embedding(vocab_size, n_embd)
            self.wpe = nn.Embedding(block_size, n_embd)
            self.h = nn.ModuleList([Block(n_embd, n_head, block_size) for _ in range(n_layer)])
            self.ln_f = nn.LayerNorm(n_embd)
            self.lm_head = nn.Linear(n_embd, vocab_size, bias=False)
            self.wte.weight = self.lm_head.weight
            self.apply(self._init_weights)
            for pn, p in self.named_parameters():
                if pn.endswith('c_proj.weight'):
                    torch.nn.init.normal_(p, mean=0.0, std=0.02 / math.sqrt(2 * n_layer))

        def _init_weights(self, module):
            if isinstance(module, nn.Linear):
                torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)
                if module.bias is not None:
                    torch.nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Embedding):
                torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)
            elif isinstance(module, nn.LayerNorm):
                torch.nn.init.zeros_(module.bias)
                torch.nn.init.ones_(module.weight)

        def forward(self, idx, targets=None):
            b, t = idx.size()
            assert t <= self.block_size
            pos = torch.arange(0, t, dtype=torch.long).unsqueeze(0)
            x = self.wte(idx) + self.wpe(pos)
            for block in self.h:
                x = block(x)
            x = self.ln_f(x)
            logits = self.lm_head(x)
            loss = None
            if targets is not None:
                loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)
            return logits, loss

        @torch.no_grad()
        def generate(self, idx, max_new_tokens, temperature=1.0, top_k=None):
            for _ in range(max_new_tokens):
                idx_cond = idx if idx.size(1) <= self.block_size else idx[:, -self.block_size:]
                logits, _ = self(idx_cond)
                logits = logits[:, -1, :] / temperature
                if top_k is not None:
                    v, _ = torch.topk(logits, top_k)
                    logits[logits < v[:, [-1]]] = -float('Inf')
                probs = F.softmax(logits, dim=-1)
                _, idx_next = torch.topk(probs, k=1, dim=-1)
                idx = torch.cat((idx, idx_next), dim=1)
            return idx

    model = GPT(9)
    fill(model)
    decay = {n for n, p in model.named_parameters() if p.dim() >= 2}
    groups = [
        {'params': [p for n, p in model.named_parameters() if n in decay], 'weight_decay': 0.1},
        {'params': [p for n, p in model.named_parameters() if n not in decay], 'weight_decay': 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95))
    text = torch.arange(48) * 5 % 9
    printed = [len(decay), sum(p.numel() for p in model.parameters())]
    for step in range(4):
        ix = [step * 3, step * 5 + 1]
        x = torch.stack([text[i:i + 12] for i in ix])
        y = torch.stack([text[i + 1:i + 13] for i in ix])
        logits, loss = model(x, y)
        model.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        printed.append(loss.item())
    model.eval()
    context = torch.zeros((1, 1), dtype=torch.long)
    printed += model.generate(context, max_new_tokens=14, top_k=3)[0].tolist()
    return printed


def reinforce():
    class Policy(nn.Module):
        def __init__(self):
            super().__init__()
            self.affine1 = nn.Linear(4, 12)
            self.action_head = nn.Linear(12, 2)
            self.value_head = nn.Linear(12, 1)
            self.saved_actions, self.rewards = [], []

        def forward(self, x):
            x = F.relu(self.affine1(x))
            action_prob = F.softmax(self.action_head(x), dim=-1)
            return action_prob, self.value_head(x)

    model = Policy()
    fill(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-2)
    eps = 1e-8
    printed = []
    for episode in range(3):
        for t in range(6):
            state = numbers([4], episode * 6 + t)
            probs, state_value = model(state.unsqueeze(0))
            m = torch.distributions.Categorical(probs)
            action = torch.tensor([(episode + t) % 2])
            model.saved_actions.append((m.log_prob(action), state_value, m.entropy()))
            model.rewards.append(1.0 if action.item() == 1 else -0.5)
        R, returns = 0, []
        for r in model.rewards[::-1]:
            R = r + 0.9 * R
            returns.insert(0, R)
        returns = torch.tensor(returns)
        returns = (returns - returns.mean()) / (returns.std() + eps)
        policy_losses, value_losses, entropies = [], [], []
        for (log_prob, value, entropy), R in zip(model.saved_actions, returns):
            advantage = R - value.item()
            policy_losses.append(-log_prob * advantage)
            value_losses.append(F.smooth_l1_loss(value, torch.tensor([[R]])))
            entropies.append(entropy)
        optimizer.zero_grad()
        loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum() - 0.01 * torch.cat(entropies).mean()
        loss.backward()
        optimizer.step()
        printed.append(loss.item())
        del model.rewards[:]
        del model.saved_actions[:]
    gamma, lam = 0.9, 0.8
    rewards, values = numbers([5], 1), numbers([6], 2)
    adv, last = torch.zeros(5), 0.0
    for t in reversed(range(5)):
        delta = rewards[t] + gamma * values[t + 1] - values[t]
        adv[t] = last = delta + gamma * lam * last
    ratio = torch.exp(numbers([5], 3))
    clipped = torch.clamp(ratio, 1 - 0.2, 1 + 0.2)
    printed += [-torch.min(ratio * adv, clipped * adv).mean().item(), adv[0].item()]
    q = numbers([5, 3], 4)
    actions = torch.tensor([0, 2, 1, 1, 0])
    printed.append(q.gather(1, actions.unsqueeze(1)).squeeze(1).mean().item())
    target = copy.deepcopy(model)
    tau = 0.1
    for target_param, param in zip(target.parameters(), model.parameters()):
        target_param.data.copy_(tau * numbers(param.shape, 1) + (1 - tau) * target_param.data)
    printed.append(target.affine1.weight.sum().item())
    return printed


def unet():
    class DoubleConv(nn.Module):
        def __init__(self, in_channels, out_channels, mid_channels=None):
            super().__init__()
            if not mid_channels:
                mid_channels = out_channels
            self.double_conv = nn.Sequential(
                nn.Conv2d(in_channels, mid_channels, kernel_size=3, padding=1, bias=False),
                nn.BatchNorm2d(mid_channels),
                nn.ReLU(inplace=True),
                nn.Conv2d(mid_channels, out_channels, kernel_size=3, padding=1, bias=False),
                nn.BatchNorm2d(out_channels),
                nn.ReLU(inplace=True),
            )

        def forward(self, x):
            return self.double_conv(x)

    class Down(nn.Module):
        def __init__(self, in_channels, out_channels):
            super().__init__()
            self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(in_channels, out_channels))

        def forward(self, x):
            return self.maxpool_conv(x)

    class Up(nn.Module):
        def __init__(self, in_channels, out_channels, bilinear=True):
            super().__init__()
            if bilinear:
                self.up = nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True)
                self.conv = DoubleConv(in_channels, out_channels, in_channels // 2)
            else:
                self.up = nn.ConvTranspose2d(in_channels, in_channels // 2, kernel_size=2, stride=2)
                self.conv = DoubleConv(in_channels, out_channels)

        def forward(self, x1, x2):
            x1 = self.up(x1)
            diffY = x2.size()[2] - x1.size()[2]
            diffX = x2.size()[3] - x1.size()[3]
            x1 = F.pad(x1, [diffX // 2, diffX - diffX // 2, diffY // 2, diffY - diffY // 2])
            x = torch.cat([x2, x1], dim=1)
            return self.conv(x)

    class UNet(nn.Module):
        def __init__(self, n_channels, n_classes, bilinear=False):
            super().__init__()
            factor = 2 if bilinear else 1
            self.inc = DoubleConv(n_channels, 4)
            self.down1 = Down(4, 8 // factor)
            self.up1 = Up(8, 4, bilinear)
            self.outc = nn.Conv2d(4, n_classes, kernel_size=1)

        def forward(self, x):
            x1 = self.inc(x)
            x2 = self.down1(x1)
            return self.outc(self.up1(x2, x1))

    x = numbers([2, 3, 9, 9], 1)
    y = (torch.arange(162) * 5 % 3).reshape(2, 9, 9)
    printed = []
    for bilinear in (False, True):
        model = UNet(3, 3, bilinear=bilinear)
        fill(model)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        for _ in range(2):
            masks = model(x)
            loss = F.cross_entropy(masks, y)
            probs = F.softmax(masks, dim=1)
            onehot = F.one_hot(y, 3).permute(0, 3, 1, 2).float()
            inter = (probs * onehot).sum(dim=(2, 3))
            loss += 1 - (2 * inter / (probs + onehot).sum(dim=(2, 3))).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            printed.append(loss.item())
        model.eval()
        pred = model(x).argmax(dim=1)
        printed += [(pred == k).sum().item() for k in range(3)]
        hits = torch.zeros(3, 3, dtype=torch.long)
        hits.index_put_((y.flatten(), pred.flatten()), torch.ones(162, dtype=torch.long), accumulate=True)
        iou = hits.diag().float() / (hits.sum(0) + hits.sum(1) - hits.diag()).float()
        printed.append(iou.mean().item())
    return printed


if __name__ == '__main__':
    programs = [lenet, resnet, transformer, tagger, vae, ddpm, losses, hooks, training, gpt, reinforce, unet]
    write('ported.json', {'programs': {program.__name__: program() for program in programs}})
