"""Makes schedulers.json: the groups' learning rates (and momenta) when a scheduler is made and after each of its steps.

A case is {optimizer, groups (own options of each), schedulers [{name, options}], milestones, chained, given, rates,
momenta}. With `milestones` the schedulers follow each other; with `chained` a ChainedScheduler steps them; otherwise all
are stepped, in order. `given` is what each step is given: ReduceLROnPlateau a metric, CosineAnnealingWarmRestarts an
epoch. Functions have a name in place of options: see FUNCTIONS.
This one runs with PyTorch 2.15, as older releases begin a sequence whose milestone is 0 with its first scheduler.
"""
import torch
from torch.optim import lr_scheduler, swa_utils

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
    [('LambdaLR', dict(lr_lambda='power'))],
    [('MultiplicativeLR', dict(lr_lambda='alternating'))],
    [('ConstantLR', {})], [('ConstantLR', dict(factor=0.7, total_iters=9))],
    [('PolynomialLR', {})], [('PolynomialLR', dict(total_iters=30, power=0.9))], [('PolynomialLR', dict(total_iters=12, power=2.0))],
    [('CyclicLR', dict(base_lr=0.01, max_lr=0.5))],
    [('CyclicLR', dict(base_lr=[0.01, 0.02], max_lr=[0.1, 0.3], step_size_up=4, step_size_down=9))],
    [('CyclicLR', dict(base_lr=0.01, max_lr=0.5, step_size_up=5, mode='triangular2', base_momentum=0.7))],
    [('CyclicLR', dict(base_lr=0.01, max_lr=0.5, step_size_up=5, mode='exp_range', gamma=0.95, max_momentum=0.99))],
    [('CyclicLR', dict(base_lr=0.01, max_lr=0.5, step_size_up=5, scale_fn='alternating'))],
    [('CyclicLR', dict(base_lr=0.01, max_lr=0.5, step_size_up=5, scale_fn='power', scale_mode='iterations'))],
    [('CyclicLR', dict(base_lr=0.01, max_lr=0.5, step_size_up=5, cycle_momentum=False))],
    [('SWALR', dict(swa_lr=0.02))], [('SWALR', dict(swa_lr=[0.02, 0.3], anneal_epochs=6, anneal_strategy='linear'))],
    [('SWALR', dict(swa_lr=0.02, anneal_epochs=0))],
    [('OneCycleLR', dict(max_lr=0.5, total_steps=41))],
    [('OneCycleLR', dict(max_lr=[0.5, 0.2], epochs=5, steps_per_epoch=10, pct_start=0.2, anneal_strategy='linear'))],
    [('OneCycleLR', dict(max_lr=0.5, total_steps=41, three_phase=True, div_factor=10.0, final_div_factor=100.0,
                         base_momentum=0.8, max_momentum=0.9))],
    [('OneCycleLR', dict(max_lr=0.5, total_steps=41, cycle_momentum=False))],
    [('ExponentialLR', dict(gamma=0.97)), ('StepLR', dict(step_size=10))],
    [('LinearLR', dict(total_iters=8)), ('CosineAnnealingLR', dict(T_max=40))],
    [('ConstantLR', dict(total_iters=8)), ('PolynomialLR', dict(total_iters=20)), ('MultiplicativeLR', dict(lr_lambda='alternating'))],
]
CHAINS = [
    [('ConstantLR', dict(factor=0.1, total_iters=20)), ('ExponentialLR', dict(gamma=0.9))],
    [('LinearLR', dict(total_iters=8)), ('PolynomialLR', dict(total_iters=30)), ('StepLR', dict(step_size=10))],
]
SEQUENCES = [
    ([('LinearLR', dict(start_factor=0.1, total_iters=10)), ('CosineAnnealingLR', dict(T_max=30))], [10]),
    ([('LinearLR', dict(total_iters=4)), ('ExponentialLR', dict(gamma=0.9)), ('StepLR', dict(step_size=5))], [4, 20]),
    ([('StepLR', dict(step_size=2)), ('CosineAnnealingWarmRestarts', dict(T_0=6, T_mult=2)), ('LambdaLR', dict(lr_lambda='power'))], [6, 30]),
    ([('LinearLR', dict(total_iters=4)), ('ExponentialLR', dict(gamma=0.9))], [0]),
    ([('LambdaLR', dict(lr_lambda='power')), ('LinearLR', dict(total_iters=4)), ('CosineAnnealingLR', dict(T_max=20))], [0, 6]),
    ([('StepLR', dict(step_size=2)), ('LambdaLR', dict(lr_lambda='power')), ('CosineAnnealingWarmRestarts', dict(T_0=6, T_mult=2))], [0, 0]),
    ([('LinearLR', dict(total_iters=4)), ('LambdaLR', dict(lr_lambda='power')), ('ExponentialLR', dict(gamma=0.9))], [3, 3]),
]
SEQUENCES += [
    ([('ConstantLR', dict(factor=0.5, total_iters=6)), ('PolynomialLR', dict(total_iters=20, power=2.0))], [6]),
    ([('PolynomialLR', dict(total_iters=8)), ('ConstantLR', dict(factor=0.5, total_iters=6))], [6]),
    ([('StepLR', dict(step_size=2)), ('MultiplicativeLR', dict(lr_lambda='alternating'))], [7]),
    ([('LinearLR', dict(total_iters=4)), ('CyclicLR', dict(base_lr=0.01, max_lr=0.5, step_size_up=5, cycle_momentum=False))], [4]),
]
SEQUENCES += [([('ExponentialLR', dict(gamma=0.9)), ('SWALR', dict(swa_lr=0.02, anneal_epochs=5))], [10])]
EPOCHS = [0.25 * i for i in range(1, 60)] + [3.5, 0.0, 100.75]
METRICS = [1.0, 0.9, 0.91, 0.92, 0.89995, 0.93, 0.94, 0.5, float('nan'), 0.6, 0.6, 0.6, 0.6, 0.6, 0.45, 0.3, 0.3, 0.3,
           0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.2]
PLATEAUS = [dict(patience=2), dict(patience=1, factor=0.5, cooldown=2, min_lr=0.03), dict(patience=0, mode='max'),
            dict(patience=2, threshold=0.05, threshold_mode='abs'),
            dict(patience=1, mode='max', threshold=0.1, threshold_mode='abs', eps=0.01)]
OPTIMIZERS = {'SGD': dict(lr=0.1, momentum=0.9), 'Adam': dict(lr=0.1)}


FUNCTIONS = {'power': lambda step: 0.95 ** step, 'alternating': lambda step: 1.02 if step % 3 == 0 else 0.9}


def make(name, optimizer, options):
    functions = {k: FUNCTIONS[v] for k, v in options.items() if k in ('lr_lambda', 'scale_fn')}
    module = swa_utils if name == 'SWALR' else lr_scheduler
    return getattr(module, name)(optimizer, **{**options, **functions})


def renamed(options):
    names = {'T_max': 'tMax', 'T_0': 't0', 'T_mult': 'tMult'}
    return {names.get(k, camel(k)): camel(v) if k == 'mode' else v for k, v in options.items()}


def case(optimizer_name, schedulers, milestones=None, chained=False, given=None):
    groups = [{**g, 'params': [torch.zeros(1, requires_grad=True)]} for g in GROUPS]
    optimizer = getattr(torch.optim, optimizer_name)(groups, **OPTIMIZERS[optimizer_name])
    made = [make(name, optimizer, options) for name, options in schedulers]
    if milestones is not None:
        made = [lr_scheduler.SequentialLR(optimizer, made, milestones)]
    if chained:
        made = [lr_scheduler.ChainedScheduler(made)]
    rates, momenta = [], []

    def note():
        rates.append([g['lr'] for g in optimizer.param_groups])
        momenta.append([g['betas'][0] if 'betas' in g else g['momentum'] for g in optimizer.param_groups])

    note()
    for i in range(STEPS if given is None else len(given)):
        optimizer.step()
        for scheduler in made:
            scheduler.step(*([] if given is None else [given[i]]))
        note()
    cycles = any(m != momenta[0] for m in momenta) or schedulers[0][0] in CYCLES
    return {'optimizer': optimizer_name, 'options': OPTIMIZERS[optimizer_name], 'groups': GROUPS,
            'schedulers': [{'name': n, 'options': renamed(o)} for n, o in schedulers],
            'milestones': milestones, 'chained': chained, 'given': None if given is None else [number(g) for g in given],
            'rates': rates, 'momenta': momenta if cycles else None}


CYCLES = ('OneCycleLR', 'CyclicLR')
cases = [case('SGD', c) for c in CASES]
cases += [case('Adam', c) for c in CASES if c[0][0] in CYCLES]
cases += [case('SGD', s, milestones) for s, milestones in SEQUENCES]
cases += [case('SGD', c, chained=True) for c in CHAINS]
cases += [case('SGD', [('ReduceLROnPlateau', o)], given=METRICS) for o in PLATEAUS]
cases += [case('SGD', [('CosineAnnealingWarmRestarts', o)], given=EPOCHS)
          for o in (dict(T_0=4), dict(T_0=2, T_mult=2, eta_min=0.01), dict(T_0=1, T_mult=3))]
write('schedulers.json', {'cases': cases})
