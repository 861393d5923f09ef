"""Makes conversion.json: a network that is converted to float64 and back while it is trained, by an optimizer made before.

PyTorch leaves the optimizer's state in the old dtype (Adam then stops with an error); here it is converted with the
parameters. `weights` are the initial parameters; a case is {optimizer, options, losses, after}: the loss of each step and
all parameters, flat, after each phase of `phases` [dtype, steps].
"""
import torch

from common import camel, encode, write

PHASES = [('float32', 3), ('float64', 3), ('float32', 2)]
CASES = [
    ('SGD', dict(lr=0.1, momentum=0.9)),
    ('Adam', dict(lr=0.05, amsgrad=True)),
    ('AdamW', dict(lr=0.05)),
    ('RMSprop', dict(lr=0.02, momentum=0.5, centered=True)),
    ('Adagrad', dict(lr=0.1)),
]

torch.manual_seed(5)


def network():
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))


weights = {name: p.detach().clone() for name, p in network().named_parameters()}
x, y = torch.randn(5, 3), torch.randn(5, 1)


def run(name, options):
    model = network()
    model.load_state_dict(weights)
    optimizer = getattr(torch.optim, name)(model.parameters(), **options)
    losses, after = [], []
    for dtype, steps in PHASES:
        kind = getattr(torch, dtype)
        model.to(kind)
        for state in optimizer.state.values():
            for key, value in state.items():
                if key != 'step' and torch.is_tensor(value):
                    state[key] = value.to(kind)
        for _ in range(steps):
            loss = torch.nn.functional.mse_loss(model(x.to(kind)), y.to(kind))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        after.append([v for p in model.parameters() for v in p.detach().reshape(-1).tolist()])
    options = {camel(key): value for key, value in options.items()}
    return {'optimizer': name, 'options': options, 'losses': losses, 'after': after}


write('conversion.json', {
    'weights': {name: encode(p) for name, p in weights.items()},
    'x': encode(x),
    'y': encode(y),
    'phases': PHASES,
    'cases': [run(name, options) for name, options in CASES],
})
