"""Makes swa.json: averaged models, and the statistics of batch norm computed anew.

The model is Linear(2, 2) and BatchNorm1d(2). `states` are its state dicts at each update; a case is {average, options,
states}, the averaged model's state dict after each. `batches` are those that `update_bn` is given, with the model of the
first state, and `updated` its state dict after it.
"""
import torch
from torch.optim import swa_utils

from common import encode, write

AVERAGES = {
    'default': {}, 'getSwaAvgFn': dict(avg_fn=swa_utils.get_swa_avg_fn()),
    'getSwaMultiAvgFn': dict(multi_avg_fn=swa_utils.get_swa_multi_avg_fn()),
    'getEmaAvgFn': dict(avg_fn=swa_utils.get_ema_avg_fn(0.7)),
    'getEmaMultiAvgFn': dict(multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.7)),
}


def make():
    return torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)).double()


def encoded(model):
    return {k: encode(v) for k, v in model.state_dict().items()}


torch.set_default_dtype(torch.float64)  # in which 1 / (n + 1) is computed
torch.manual_seed(11)
states = []
for i in range(4):
    state = {k: torch.randn_like(v) if v.is_floating_point() else torch.tensor(3 * i * i) for k, v in make().state_dict().items()}
    state['1.running_var'] = state['1.running_var'].abs()
    states.append(state)
cases = []
for average, functions in AVERAGES.items():
    for use_buffers in (False, True):
        if use_buffers and 'Swa' in average or average == 'default' and use_buffers:
            continue  # PyTorch cannot average the integer buffers
        model = make()
        averaged = swa_utils.AveragedModel(model, use_buffers=use_buffers, **functions)
        after = []
        for state in states:
            model.load_state_dict(state)
            averaged.update_parameters(model)
            after.append(encoded(averaged))
        cases.append({'average': average, 'options': {'useBuffers': use_buffers}, 'states': after})
model = make()
model.load_state_dict(states[0])
batches = [torch.randn(n, 2, dtype=torch.float64) for n in (3, 5, 4)]
swa_utils.update_bn(batches, model)
write('swa.json', {
    'states': [{k: encode(v) for k, v in s.items()} for s in states], 'cases': cases,
    'batches': [encode(b) for b in batches], 'updated': encoded(model)})
