"""Makes optimizers.json and composed_optimizers.json: the parameters after each of six steps with given gradients. The first
has the optimizers with a kernel, the second those that are composed of tensor operations.

`data[dtype]` holds the initial parameters and, per step, one gradient for each. A case is {optimizer, dtype, options,
groups, changes, steps}: `groups` lists the parameters (by number) and the own options of each group, `changes` the
learning rates {step, group, lr} set just before that step (counted from 0), `steps` the flat parameters of the groups after
each step; `state` what PyTorch's optimizer keeps after the last one, flat, where there are several groups. Muon runs in the parameter's dtype in place of bfloat16. Lion and LAMB, which PyTorch does not have, are written
here from their papers, in float64. This one runs with PyTorch 2.15, which has Muon.
"""
import types

import torch
from torch.optim import _muon

from common import FLOATS, camel, encode, number, write


class Paper:
    """An optimizer of a paper: `update` changes a parameter, in float64."""

    def __init__(self, groups, maximize=False, **options):
        self.param_groups = [{**self.DEFAULTS, **options, **g} for g in groups]
        self.sign = -1.0 if maximize else 1.0
        self.state = {}

    def step(self):
        for group in self.param_groups:
            for p in group['params']:
                x, g = p.detach().double(), self.sign * p.grad.double()
                state = self.state.setdefault(p, {'t': 0, 'm': torch.zeros_like(x), 'v': torch.zeros_like(x), 'x': x})
                state['t'] += 1
                state['x'] = self.update(state['x'], g, state, types.SimpleNamespace(**group))
                with torch.no_grad():
                    p.copy_(state['x'])


class Lion(Paper):
    """Chen et al., "Symbolic discovery of optimization algorithms", 2023, algorithm 2."""
    DEFAULTS = dict(lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0)

    def update(self, x, g, state, o):
        c = o.betas[0] * state['m'] + (1 - o.betas[0]) * g
        state['m'] = o.betas[1] * state['m'] + (1 - o.betas[1]) * g
        return x - o.lr * (c.sign() + o.weight_decay * x)


class LAMB(Paper):
    """You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", 2019, algorithm 2."""
    DEFAULTS = dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0)

    def update(self, x, g, state, o):
        state['m'] = o.betas[0] * state['m'] + (1 - o.betas[0]) * g
        state['v'] = o.betas[1] * state['v'] + (1 - o.betas[1]) * g * g
        m, v = state['m'] / (1 - o.betas[0] ** state['t']), state['v'] / (1 - o.betas[1] ** state['t'])
        u = m / (v.sqrt() + o.eps) + o.weight_decay * x
        return x - o.lr * x.norm() / u.norm() * u


class InDType:
    """torch for Muon, with another dtype as bfloat16."""

    def __getattr__(self, name):
        return torch.get_default_dtype() if name == 'bfloat16' else getattr(torch, name)


_muon.torch = InDType()

SHAPES = ((3, 2), (2,), (1, 2, 2), (2, 4))
STEPS = 6
KERNELS = ('SGD', 'Adam', 'AdamW', 'RMSprop', 'Adagrad')
ONE_GROUP = [{'params': [0, 1, 2]}]
TWO_GROUPS = [{'params': [0, 1]}, {'params': [2], 'lr': 0.02}]
MATRICES = [{'params': [0, 3]}]
TWO_MATRICES = [{'params': [0]}, {'params': [3], 'lr': 0.02}]
CONFIGURATIONS = [
    ('SGD', dict(lr=0.1)),
    ('SGD', dict(lr=0.1, momentum=0.9)),
    ('SGD', dict(lr=0.1, momentum=0.9, dampening=0.5)),
    ('SGD', dict(lr=0.1, momentum=0.9, nesterov=True)),
    ('SGD', dict(lr=0.1, weight_decay=0.05)),
    ('SGD', dict(lr=0.1, momentum=0.8, weight_decay=0.05)),
    ('SGD', dict(lr=0.1, momentum=0.8, dampening=0.1, weight_decay=0.05)),
    ('SGD', dict(lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.05)),
    ('SGD', dict(lr=0.1, maximize=True)),
    ('SGD', dict(lr=0.1, momentum=0.9, weight_decay=0.05, maximize=True)),
    ('Adam', dict()),
    ('Adam', dict(lr=0.05)),
    ('Adam', dict(lr=0.05, betas=[0.5, 0.8])),
    ('Adam', dict(lr=0.05, eps=0.1)),
    ('Adam', dict(lr=0.05, weight_decay=0.1)),
    ('Adam', dict(lr=0.05, amsgrad=True)),
    ('Adam', dict(lr=0.05, betas=[0.8, 0.9], eps=1e-3, weight_decay=0.1, amsgrad=True)),
    ('Adam', dict(lr=0.05, weight_decay=0.1, maximize=True)),
    ('AdamW', dict()),
    ('AdamW', dict(lr=0.05)),
    ('AdamW', dict(lr=0.05, weight_decay=0.3)),
    ('AdamW', dict(lr=0.05, betas=[0.8, 0.9], eps=1e-3, weight_decay=0.0)),
    ('AdamW', dict(lr=0.05, amsgrad=True)),
    ('AdamW', dict(lr=0.05, weight_decay=0.3, maximize=True)),
    ('RMSprop', dict()),
    ('RMSprop', dict(lr=0.05, alpha=0.8, eps=1e-3)),
    ('RMSprop', dict(lr=0.05, momentum=0.9)),
    ('RMSprop', dict(lr=0.05, centered=True)),
    ('RMSprop', dict(lr=0.05, weight_decay=0.1, momentum=0.5, centered=True)),
    ('RMSprop', dict(lr=0.05, maximize=True)),
    ('Adagrad', dict()),
    ('Adagrad', dict(lr=0.1, lr_decay=0.2)),
    ('Adagrad', dict(lr=0.1, weight_decay=0.1, initial_accumulator_value=0.5, eps=1e-3)),
    ('Adagrad', dict(lr=0.1, maximize=True)),
    ('Adamax', dict()),
    ('Adamax', dict(lr=0.1, betas=[0.5, 0.8], eps=1e-3)),
    ('Adamax', dict(lr=0.1, weight_decay=0.1)),
    ('Adamax', dict(lr=0.1, weight_decay=0.1, maximize=True)),
    ('Adadelta', dict()),
    ('Adadelta', dict(lr=0.5, rho=0.7, eps=1e-3)),
    ('Adadelta', dict(weight_decay=0.1, maximize=True)),
    ('NAdam', dict()),
    ('NAdam', dict(lr=0.05, betas=[0.8, 0.9], eps=1e-3, momentum_decay=0.1)),
    ('NAdam', dict(lr=0.05, weight_decay=0.1, maximize=True)),
    ('NAdam', dict(lr=0.05, weight_decay=0.3, decoupled_weight_decay=True)),
    ('RAdam', dict()),
    ('RAdam', dict(lr=0.05, betas=[0.8, 0.9], eps=1e-3)),
    ('RAdam', dict(lr=0.05, weight_decay=0.1, maximize=True)),
    ('RAdam', dict(lr=0.05, weight_decay=0.3, decoupled_weight_decay=True)),
    ('Rprop', dict()),
    ('Rprop', dict(lr=0.1, etas=[0.3, 1.5], step_sizes=[0.05, 0.2])),
    ('Rprop', dict(lr=0.1, maximize=True)),
    ('ASGD', dict()),
    ('ASGD', dict(lr=0.1, lambd=0.1, alpha=0.5, t0=2)),
    ('ASGD', dict(lr=0.1, weight_decay=0.1, maximize=True)),
    ('Adafactor', dict()),
    ('Adafactor', dict(lr=0.1, beta2_decay=-0.5, d=1.5)),
    ('Adafactor', dict(lr=1.0, eps=[1e-3, 0.5])),
    ('Adafactor', dict(lr=0.1, weight_decay=0.1, maximize=True)),
    ('Lion', dict(lr=0.01)),
    ('Lion', dict(lr=0.05, betas=[0.5, 0.8], weight_decay=0.1)),
    ('Lion', dict(lr=0.05, maximize=True)),
    ('LAMB', dict(lr=0.05)),
    ('LAMB', dict(lr=0.05, betas=[0.8, 0.9], eps=1e-3, weight_decay=0.1)),
    ('LAMB', dict(lr=0.05, weight_decay=0.1, maximize=True)),
    ('Muon', dict()),
    ('Muon', dict(lr=0.1, momentum=0.8, nesterov=False, weight_decay=0.0)),
    ('Muon', dict(lr=0.1, ns_coefficients=[2.0, -1.5, 0.5], ns_steps=3, eps=0.1)),
    ('Muon', dict(lr=0.1, adjust_lr_fn='match_rms_adamw')),
    ('Muon', dict(lr=0.1, adjust_lr_fn='spectral_unclamped')),
]
GROUPED = [
    ('SGD', dict(lr=0.1, momentum=0.9)),
    ('Adam', dict(lr=0.05, amsgrad=True)),
    ('AdamW', dict(lr=0.05, weight_decay=0.1)),
    ('RMSprop', dict(lr=0.05, momentum=0.9)),
    ('Adagrad', dict(lr=0.1, lr_decay=0.1)),
    ('Adamax', dict(lr=0.1, betas=[0.8, 0.9])),
    ('Adadelta', dict(rho=0.8)),
    ('NAdam', dict(lr=0.05)),
    ('RAdam', dict(lr=0.05, betas=[0.8, 0.9])),
    ('Rprop', dict(lr=0.1)),
    ('ASGD', dict(lr=0.1, t0=1)),
    ('Adafactor', dict(lr=0.1)),
    ('Lion', dict(lr=0.1)),
    ('LAMB', dict(lr=0.1)),
    ('Muon', dict(lr=0.1)),
]
CHANGES = [{'step': 3, 'group': 0, 'lr': 0.01}, {'step': 4, 'group': 0, 'lr': 0.2}]


def flat(tensors):
    return [number(v) for t in tensors for v in t.detach().reshape(-1).tolist()]


def renamed(options):
    return {camel(k): camel(v) if isinstance(v, str) else v for k, v in options.items()}


def run(name, dtype, initial, gradients, options, groups=ONE_GROUP, changes=()):
    parameters = [p.clone().requires_grad_(True) for p in initial]
    make = getattr(torch.optim, name, None) or globals()[name]
    optimizer = make([{**g, 'params': [parameters[i] for i in g['params']]} for g in groups], **options)
    steps = []
    for step in range(STEPS):
        for change in changes:
            if change['step'] == step:
                optimizer.param_groups[change['group']]['lr'] = change['lr']
        for parameter, gradient in zip(parameters, gradients[step]):
            parameter.grad = gradient.clone()
        optimizer.step()
        steps.append(flat(parameters[i] for g in groups for i in g['params']))
    used = [parameters[i] for g in groups for i in g['params']]
    state = None if len(groups) == 1 or name not in dir(torch.optim) else {
        key: flat(optimizer.state[p][key] for p in used if key in optimizer.state[p])
        for key in sorted({key for p in used for key in optimizer.state[p]})}
    return {
        'optimizer': name, 'dtype': dtype, 'options': renamed(options),
        'groups': groups, 'changes': list(changes), 'steps': steps, 'state': state}


data, cases = {}, []
for name, dtype in FLOATS.items():
    torch.manual_seed(21)
    torch.set_default_dtype(dtype)  # some optimizers keep scalars in it
    initial = [torch.randn(s, dtype=dtype) for s in SHAPES]
    gradients = [[torch.randn(s, dtype=dtype) * scale for s in SHAPES] for scale in (1, 1, 3, 0.1, 1, 0.01)]
    gradients[1][1][0] = 0.0
    data[name] = {
        'parameters': [encode(p) for p in initial],
        'gradients': [[encode(g) for g in step] for step in gradients]}
    for optimizer, options in CONFIGURATIONS:
        groups = MATRICES if optimizer == 'Muon' else ONE_GROUP
        cases.append(run(optimizer, name, initial, gradients, options, groups))
    for optimizer, options in GROUPED:
        groups = TWO_MATRICES if optimizer == 'Muon' else TWO_GROUPS
        cases.append(run(optimizer, name, initial, gradients, options, groups, CHANGES))
torch.set_default_dtype(torch.float32)
write('optimizers.json', {'data': data, 'cases': [c for c in cases if c['optimizer'] in KERNELS]})
write('composed_optimizers.json', {'data': data, 'cases': [c for c in cases if c['optimizer'] not in KERNELS]})
