"""Makes lbfgs.json: steps of L-BFGS on three problems.

A case is {problem, dtype, options, steps}; a step has the loss that it returned, the flat parameters after it, and how many
iterations and evaluations there were so far. The problems: `rosenbrock`, of two parameters []; `wavy`, on which line searches
are long, sum(x^2 / 20 + sin(3 x)) of x [2]; and `logistic`, the mean of log(1 + exp(-y (X w + b))) + |w|^2 / 20 of w [3, 1]
and b [1], with X [8, 3] and y [8, 1] in `data`.
This one runs with PyTorch 2.15, whose L-BFGS takes `maximize`.
"""
import torch

from common import FLOATS, camel, encode, number, write

STEPS = 4
CASES = [
    ('logistic', dict()),
    ('logistic', dict(lr=0.5, max_iter=5)),
    ('logistic', dict(max_iter=3, history_size=2)),
    ('logistic', dict(line_search_fn='strong_wolfe')),
    ('logistic', dict(line_search_fn='strong_wolfe', max_iter=4, history_size=2, lr=5.0)),
    ('logistic', dict(tolerance_grad=0.1, line_search_fn='strong_wolfe')),
    ('logistic', dict(tolerance_change=0.01)),
    ('rosenbrock', dict(max_iter=4, line_search_fn='strong_wolfe')),
    ('rosenbrock', dict(max_iter=3, line_search_fn='strong_wolfe', maximize=True)),
    ('rosenbrock', dict(max_iter=4, lr=1e-3)),
]
DOUBLE = [('wavy', dict(line_search_fn='strong_wolfe', lr=lr)) for lr in (1e-4, 1e-3, 0.3, 3.0, 7.0, 50.0)]
DOUBLE += [  # which in float32 end elsewhere when a last digit differs
    ('logistic', dict(max_iter=10, max_eval=4, line_search_fn='strong_wolfe', lr=20.0)),
    ('rosenbrock', dict(max_iter=6, line_search_fn='strong_wolfe', history_size=3)),
]


def problem(name, data, dtype):
    if name == 'rosenbrock':
        a, b = (torch.tensor(v, dtype=dtype, requires_grad=True) for v in (-1.5, 2.0))
        return [a, b], lambda: (1 - a) ** 2 + 100 * (b - a ** 2) ** 2
    if name == 'wavy':
        x = torch.tensor([2.0, -1.3], dtype=dtype, requires_grad=True)
        return [x], lambda: (x * x / 20 + torch.sin(3 * x)).sum()
    w, b = (torch.full(s, 0.5, dtype=dtype, requires_grad=True) for s in ((3, 1), (1,)))
    return [w, b], lambda: torch.log1p(torch.exp(-data['y'] * (data['X'] @ w + b))).mean() + (w * w).sum() / 20


def run(name, dtype, data, options):
    parameters, f = problem(name, data, FLOATS[dtype])
    sign = -1 if options.get('maximize') else 1
    optimizer = torch.optim.LBFGS(parameters, **options)
    steps = []
    for _ in range(STEPS):
        def closure():
            optimizer.zero_grad()
            loss = sign * f()
            loss.backward()
            return loss

        loss = optimizer.step(closure)
        state = optimizer.state[parameters[0]]
        steps.append({
            'loss': number(loss.item()), 'parameters': [v for p in parameters for v in p.detach().reshape(-1).tolist()],
            'iterations': state['n_iter'], 'evaluations': state['func_evals']})
    renamed = {camel(k): camel(v) if isinstance(v, str) else v for k, v in options.items()}
    return {'problem': name, 'dtype': dtype, 'options': renamed, 'steps': steps}


torch.manual_seed(3)
X, noise = torch.randn(8, 3, dtype=torch.float64), torch.randn(8, 1, dtype=torch.float64)
X = X.float().double()
y = torch.sign(X @ torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64) + noise)
cases = []
for dtype in FLOATS:
    data = {'X': X.to(FLOATS[dtype]), 'y': y.to(FLOATS[dtype])}
    cases += [run(name, dtype, data, options) for name, options in CASES + (DOUBLE if dtype == 'float64' else [])]
write('lbfgs.json', {'data': {'X': encode(X), 'y': encode(y)}, 'cases': cases})
