"""Makes optimizers.json: the parameters after each of six steps with given gradients.

`data[dtype]` holds the initial parameters and, per step, one gradient for each. A case is {optimizer, dtype, options,
groups, changes, steps}: `groups` lists the parameters (by number) and the own options of each group, `changes` the
learning rates {step, group, lr} set just before that step (counted from 0), `steps` the flat parameters after each step.
"""
import torch

from common import FLOATS, camel, encode, number, write

SHAPES = ((3, 2), (2,), (1, 2, 2))
STEPS = 6
NAMES = ('SGD', 'Adam', 'AdamW', 'RMSprop', 'Adagrad', 'Adamax')
CLASSES = {name: getattr(torch.optim, name) for name in NAMES}
ONE_GROUP = [{'params': [0, 1, 2]}]
TWO_GROUPS = [{'params': [0, 1]}, {'params': [2], 'lr': 0.02}]
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
]
GROUPED = [
    ('SGD', dict(lr=0.1, momentum=0.9)),
    ('Adam', dict(lr=0.05, amsgrad=True)),
    ('AdamW', dict(lr=0.05, weight_decay=0.1)),
    ('RMSprop', dict(lr=0.05, momentum=0.9)),
    ('Adagrad', dict(lr=0.1, lr_decay=0.1)),
    ('Adamax', dict(lr=0.1, betas=[0.8, 0.9])),
]
CHANGES = [{'step': 3, 'group': 0, 'lr': 0.01}, {'step': 4, 'group': 0, 'lr': 0.2}]


def flat(tensors):
    return [number(v) for t in tensors for v in t.detach().reshape(-1).tolist()]


def run(name, dtype, initial, gradients, options, groups=ONE_GROUP, changes=()):
    parameters = [p.clone().requires_grad_(True) for p in initial]
    optimizer = CLASSES[name]([{**g, 'params': [parameters[i] for i in g['params']]} for g in groups], **options)
    steps = []
    for step in range(STEPS):
        for change in changes:
            if change['step'] == step:
                optimizer.param_groups[change['group']]['lr'] = change['lr']
        for parameter, gradient in zip(parameters, gradients[step]):
            parameter.grad = gradient.clone()
        optimizer.step()
        steps.append(flat(parameters))
    return {
        'optimizer': name, 'dtype': dtype, 'options': {camel(k): v for k, v in options.items()},
        'groups': groups, 'changes': list(changes), 'steps': steps}


data, cases = {}, []
for name, dtype in FLOATS.items():
    torch.manual_seed(21)
    initial = [torch.randn(s, dtype=dtype) for s in SHAPES]
    gradients = [[torch.randn(s, dtype=dtype) * scale for s in SHAPES] for scale in (1, 1, 3, 0.1, 1, 0.01)]
    gradients[1][1][0] = 0.0
    data[name] = {
        'parameters': [encode(p) for p in initial],
        'gradients': [[encode(g) for g in step] for step in gradients]}
    for optimizer, options in CONFIGURATIONS:
        cases.append(run(optimizer, name, initial, gradients, options))
    for optimizer, options in GROUPED:
        cases.append(run(optimizer, name, initial, gradients, options, TWO_GROUPS, CHANGES))
write('optimizers.json', {'data': data, 'cases': cases})
