"""Makes schedulers.json: the groups' learning rates (and momenta) when a scheduler is made and after each of its steps.

A case is {optimizer, groups (own options of each), schedulers [{name, options}], milestones, metrics, rates, momenta}. With
`milestones` the schedulers follow each other, otherwise all are stepped, in order. `metrics` are what ReduceLROnPlateau
is given. LambdaLR's function is 0.95 ** step.
This one runs with PyTorch 2.15, as older releases begin a sequence whose milestone is 0 with its first scheduler.
"""
import torch
from torch.optim import lr_scheduler

from common import camel, number, write

STEPS = 40
GROUPS = [{'lr': 0.4}, {}]
CASES = [
    [('StepLR', dict(step_size=7))], [('StepLR', dict(step_size=3, gamma=0.5))],
    [('MultiStepLR', dict(milestones=[5, 12, 12, 30]))], [('MultiStepLR', dict(milestones=[3, 20], gamma=0.3))],
    [('ExponentialLR', dict(gamma=0.9))],
    [('CosineAnnealingLR', dict(T_max=12))], [('CosineAnnealingLR', dict(T_max=50, eta_min=0.01))],
    [('CosineAnnealingWarmRestarts', dict(T_0=9))],
    [('CosineAnnealingWarmRestarts', dict(T_0=5, T_mult=2, eta_min=0.002))],
    [('LinearLR', {})], [('LinearLR', dict(start_factor=0.01, end_factor=0.9, total_iters=15))],
    [('LambdaLR', {})],
    [('OneCycleLR', dict(max_lr=0.5, total_steps=41))],
    [('OneCycleLR', dict(max_lr=[0.5, 0.2], epochs=5, steps_per_epoch=10, pct_start=0.2, anneal_strategy='linear'))],
    [('OneCycleLR', dict(max_lr=0.5, total_steps=41, three_phase=True, div_factor=10.0, final_div_factor=100.0,
                         base_momentum=0.8, max_momentum=0.9))],
    [('OneCycleLR', dict(max_lr=0.5, total_steps=41, cycle_momentum=False))],
    [('ExponentialLR', dict(gamma=0.97)), ('StepLR', dict(step_size=10))],
    [('LinearLR', dict(total_iters=8)), ('CosineAnnealingLR', dict(T_max=40))],
]
SEQUENCES = [
    ([('LinearLR', dict(start_factor=0.1, total_iters=10)), ('CosineAnnealingLR', dict(T_max=30))], [10]),
    ([('LinearLR', dict(total_iters=4)), ('ExponentialLR', dict(gamma=0.9)), ('StepLR', dict(step_size=5))], [4, 20]),
    ([('StepLR', dict(step_size=2)), ('CosineAnnealingWarmRestarts', dict(T_0=6, T_mult=2)), ('LambdaLR', {})], [6, 30]),
    ([('LinearLR', dict(total_iters=4)), ('ExponentialLR', dict(gamma=0.9))], [0]),
    ([('LambdaLR', {}), ('LinearLR', dict(total_iters=4)), ('CosineAnnealingLR', dict(T_max=20))], [0, 6]),
    ([('StepLR', dict(step_size=2)), ('LambdaLR', {}), ('CosineAnnealingWarmRestarts', dict(T_0=6, T_mult=2))], [0, 0]),
    ([('LinearLR', dict(total_iters=4)), ('LambdaLR', {}), ('ExponentialLR', dict(gamma=0.9))], [3, 3]),
]
METRICS = [1.0, 0.9, 0.91, 0.92, 0.89995, 0.93, 0.94, 0.5, float('nan'), 0.6, 0.6, 0.6, 0.6, 0.6, 0.45, 0.3, 0.3, 0.3,
           0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.2]
PLATEAUS = [dict(patience=2), dict(patience=1, factor=0.5, cooldown=2, min_lr=0.03), dict(patience=0, mode='max'),
            dict(patience=2, threshold=0.05, threshold_mode='abs'),
            dict(patience=1, mode='max', threshold=0.1, threshold_mode='abs', eps=0.01)]
OPTIMIZERS = {'SGD': dict(lr=0.1, momentum=0.9), 'Adam': dict(lr=0.1)}


def make(name, optimizer, options):
    if name == 'LambdaLR':
        return lr_scheduler.LambdaLR(optimizer, lambda step: 0.95 ** step)
    return getattr(lr_scheduler, name)(optimizer, **options)


def renamed(options):
    names = {'T_max': 'tMax', 'T_0': 't0', 'T_mult': 'tMult'}
    return {names.get(k, camel(k)): v for k, v in options.items()}


def case(optimizer_name, schedulers, milestones=None, metrics=None):
    groups = [{**g, 'params': [torch.zeros(1, requires_grad=True)]} for g in GROUPS]
    optimizer = getattr(torch.optim, optimizer_name)(groups, **OPTIMIZERS[optimizer_name])
    made = [make(name, optimizer, options) for name, options in schedulers]
    if milestones is not None:
        made = [lr_scheduler.SequentialLR(optimizer, made, milestones)]
    rates, momenta = [], []

    def note():
        rates.append([g['lr'] for g in optimizer.param_groups])
        momenta.append([g['betas'][0] if 'betas' in g else g['momentum'] for g in optimizer.param_groups])

    note()
    for i in range(STEPS if metrics is None else len(metrics)):
        optimizer.step()
        for scheduler in made:
            scheduler.step(*([] if metrics is None else [metrics[i]]))
        note()
    cycles = any(m != momenta[0] for m in momenta) or schedulers[0][0] == 'OneCycleLR'
    return {'optimizer': optimizer_name, 'options': OPTIMIZERS[optimizer_name], 'groups': GROUPS,
            'schedulers': [{'name': n, 'options': renamed(o)} for n, o in schedulers],
            'milestones': milestones, 'metrics': None if metrics is None else [number(m) for m in metrics],
            'rates': rates, 'momenta': momenta if cycles else None}


cases = [case('SGD', c) for c in CASES]
cases += [case('Adam', c) for c in CASES if c[0][0] == 'OneCycleLR']
cases += [case('SGD', s, milestones) for s, milestones in SEQUENCES]
cases += [case('SGD', [('ReduceLROnPlateau', o)], metrics=METRICS) for o in PLATEAUS]
write('schedulers.json', {'cases': cases})
