"""PyTorch's side of `npm run test:roundtrips`: `make folder` writes seeded models, what goes in and what comes out, as
safetensors and `.pt`; `check folder` reads what adjoint wrote of them, and compares each tensor and the outputs of a model
that has loaded it: pip install torch==2.15 torchvision transformers safetensors numpy."""
import json
import sys

import torch
from safetensors.torch import load_file, save_file
from torch import nn

torch.manual_seed(7)


class Recurrent(nn.Module):
    """What examples of PyTorch make of an LSTM: its last output goes to a linear layer."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(5, 16, num_layers=2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(32, 3)

    def forward(self, x):
        return self.fc(self.lstm(x)[0][:, -1])


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10))


def resnet():
    import torchvision
    model = torchvision.models.resnet18(num_classes=10)
    model.train()
    with torch.no_grad():  # running statistics that are not those of a new model
        for _ in range(3):
            model(torch.randn(4, 3, 64, 64))
    return model


def bert():
    from transformers import BertConfig, BertModel
    return BertModel(BertConfig(vocab_size=200, hidden_size=48, num_hidden_layers=3, num_attention_heads=4, intermediate_size=96, max_position_embeddings=64))


def gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel
    return GPT2LMHeadModel(GPT2Config(vocab_size=200, n_embd=48, n_layer=3, n_head=4, n_positions=64, bos_token_id=0, eos_token_id=0))


def tokens():
    return torch.randint(0, 200, (2, 11))


makers = {
    'lenet': (lenet, lambda: torch.randn(2, 1, 28, 28)),
    'resnet18': (resnet, lambda: torch.randn(2, 3, 64, 64)),
    'lstm': (Recurrent, lambda: torch.randn(2, 9, 5)),
    'bert': (bert, tokens),
    'gpt2': (gpt2, tokens),
}


def run(model, x):
    model.eval()
    with torch.no_grad():
        y = model(x)
    return y if isinstance(y, torch.Tensor) else y[0]


def make(folder):
    for name, (maker, example) in makers.items():
        model, x = maker(), example()
        state = {key: t.clone() for key, t in model.state_dict().items()}  # tied weights are written twice
        save_file(state, f'{folder}/{name}.safetensors', metadata={'format': 'pt'})
        torch.save(model.state_dict(), f'{folder}/{name}.pt')
        save_file({'x': x, 'y': run(model, x).contiguous()}, f'{folder}/{name}.example.safetensors')
        if hasattr(model, 'config'):
            model.config.save_pretrained(f'{folder}/{name}')


def check(folder):
    results = {}
    for name, (maker, _) in makers.items():
        first = load_file(f'{folder}/{name}.safetensors')
        example = load_file(f'{folder}/{name}.example.safetensors')
        for form in ['safetensors', 'pt']:
            path = f'{folder}/{name}.back.{form}'
            back = load_file(path) if form == 'safetensors' else torch.load(path, weights_only=True)
            different = sorted(set(first) ^ set(back))
            different += [key for key in first if key in back and (first[key].dtype, first[key].shape) != (back[key].dtype, back[key].shape)]
            different += [key for key in first if key in back and key not in different and not torch.equal(first[key], back[key])]
            model = maker()
            model.load_state_dict(back)
            error = (run(model, example['x']) - example['y']).abs().max().item()
            results[f'{name}.{form}'] = {'tensors': len(back), 'different': different, 'error': error}
    json.dump(results, sys.stdout)


{'make': make, 'check': check}[sys.argv[1]](sys.argv[2])
