"""Makes distributions.json: what torch.distributions gives, and the gradients of logProb.

A case is {spec, value, p, results, gradients}, in float64. `spec` is [name, arguments] with adjoint's names; an argument is a
number, a text, a list of whole numbers, {"tensor": …} (with an exact float32), {"distribution": spec} or {"transforms": [spec, …]}. `results`: by
method or property what it returns for `value` (logProb, cdf), for `p` (icdf) or for nothing; what PyTorch does not have is not
there. `gradients`: those of the sum of logProb times cos(1), cos(2), … at each parameter and, where it is a float, the value. `kl`
holds {p, q, result}, where result is null for parameters of which PyTorch says that it has no formula. `slopes` hold [alpha, log z, ∂(log z)/∂alpha, P(alpha, z)]. `transforms` hold {spec, x, y, inverse, logAbsDetJacobian}. Runs with PyTorch 2.15.
"""
import re

import mpmath
import torch
from torch import distributions as D

from common import encode, write

torch.set_default_dtype(torch.float64)


def snake(name):
    return re.sub(r'([a-z0-9])([A-Z])', r'\1_\2', name).lower()


def T(*values, shape=None):
    """Exact in float32."""
    t = torch.tensor([round(v * 1024) / 1024 for v in values])
    return t if shape is None else t.reshape(shape)


def build(spec, leaves):
    name, args = spec
    out = {}
    for key, v in args.items():
        if isinstance(v, torch.Tensor):
            v = v.clone().requires_grad_()
            leaves.append(v)
        elif isinstance(v, (tuple, list)) and isinstance(v[0], str):
            v = build(v, leaves)
        elif isinstance(v, list) and v and isinstance(v[0], (tuple, list)):
            v = [build(s, leaves) for s in v]
        if key.endswith('Shape'):
            v = torch.Size(v)
        out[{'reinterpretedBatchNdims': 'reinterpreted_batch_ndims'}.get(key, snake(key))] = v
    positional = {'Independent': ['base_distribution', 'reinterpreted_batch_ndims'], 'TransformedDistribution': ['base_distribution', 'transforms'],
                  'IndependentTransform': ['base_transform', 'reinterpreted_batch_ndims'], 'ComposeTransform': ['parts'],
                  'CumulativeDistributionTransform': ['distribution'], 'StackTransform': ['tseq', 'dim'], 'CatTransform': ['tseq', 'dim', 'lengths'],
                  'MixtureSameFamily': ['mixture_distribution', 'component_distribution']}.get(name)
    if positional:
        return getattr(D, name)(*[out[k] for k in positional if k in out])
    return getattr(D, name)(**out)


def plain(spec):
    name, args = spec
    out = {}
    for key, v in args.items():
        if isinstance(v, torch.Tensor):
            out[key] = {'tensor': encode(v)}
        elif isinstance(v, (tuple, list)) and isinstance(v[0], str):
            out[key] = {'distribution': plain(v)}
        elif isinstance(v, list) and v and isinstance(v[0], (tuple, list)):
            out[key] = {'list': [plain(s) for s in v]}
        else:
            out[key] = v
    return [name, out]


def weighted(y):
    return (y * torch.cos(torch.arange(1, y.numel() + 1)).view(y.shape)).sum()


cases, kls, transforms = [], [], []


def attempt(f):
    try:
        y = f()
    except (NotImplementedError, AttributeError):
        return None
    return y if isinstance(y, torch.Tensor) else None


def case(name, args, value, skip=(), p=None):
    leaves = []
    d = build((name, args), leaves)
    differentiable = not d.support.is_discrete
    x = value.clone().requires_grad_(differentiable)
    p = T(.125, .5, .875) if p is None else p
    found = {
        'logProb': lambda: d.log_prob(x), 'cdf': lambda: d.cdf(x), 'icdf': lambda: d.icdf(p), 'mean': lambda: d.mean,
        'mode': lambda: d.mode, 'variance': lambda: d.variance, 'stddev': lambda: d.stddev, 'entropy': lambda: d.entropy(),
        'enumerateSupport': lambda: d.enumerate_support() if d.has_enumerate_support else None,
    }
    results = {}
    for key, f in found.items():
        y = None if key in skip else attempt(f)
        if y is not None:
            results[key] = y
    wanted = leaves + ([x] if differentiable else [])
    gradients = [] if 'gradients' in skip else torch.autograd.grad(weighted(results['logProb']), wanted, allow_unused=True)
    cases.append({'spec': plain((name, args)), 'value': encode(value), 'p': encode(p),
                  'results': {k: encode(y) for k, y in results.items()},
                  'gradients': [None if g is None else encode(g) for g in gradients],
                  'shapes': [list(d.batch_shape), list(d.event_shape)], 'discrete': not differentiable})


def kl(p, q):
    d = attempt(lambda: D.kl_divergence(build(p, []), build(q, [])))
    kls.append({'p': plain(p), 'q': plain(q), 'result': None if d is None else encode(d)})


def transform(name, args, x):
    t = build((name, args), [])
    y = t(x)
    j = attempt(lambda: t.log_abs_det_jacobian(x, y))
    back = attempt(lambda: t.inv(y))
    transforms.append({'spec': plain((name, args)), 'x': encode(x), 'y': encode(y),
                       'inverse': None if back is None else encode(back), 'jacobian': None if j is None else encode(j)})


loc, scale = T(-1, .5, 2), T(.5, 1.25, 3)
any_value, positive, inside = T(-.75, .25, 3.5), T(.25, 1.5, 4), T(.125, .4, .9)
a, b = T(.5, 1.5, 4), T(2.5, .75, 3)
for name in ('Normal', 'Laplace', 'Cauchy', 'Gumbel'):
    case(name, {'loc': loc, 'scale': scale}, any_value)
case('Normal', {'loc': 0, 'scale': T(2, .5)}, T(.5, 1, -1, 2, shape=(2, 2)), p=T(.25))
case('LogNormal', {'loc': loc, 'scale': scale}, positive)
for name in ('HalfNormal', 'HalfCauchy'):
    case(name, {'scale': scale}, positive)
case('Exponential', {'rate': scale}, positive)
case('Pareto', {'scale': T(.125, 1, 2), 'alpha': T(.5, 1.5, 4)}, positive)
case('Weibull', {'scale': scale, 'concentration': b}, positive)
for k in (0, .5, -.125):
    case('GeneralizedPareto', {'loc': T(-1, 0, 1), 'scale': scale, 'concentration': T(k, k, k)}, T(-.5, .25, 3.5))
case('Uniform', {'low': T(-1, 0, 2), 'high': T(0, .5, 5)}, T(-.5, .25, 3))
case('Kumaraswamy', {'concentration1': a, 'concentration0': b}, inside, skip=['mode'])  # NaN, always

for name in ('Gamma', 'InverseGamma'):
    case(name, {'concentration': T(.5, 1.5, 4), 'rate': scale}, positive)
case('Chi2', {'df': T(1, 3, 7)}, positive)
case('StudentT', {'df': T(.5, 1.5, 4), 'loc': loc, 'scale': scale}, any_value)
case('StudentT', {'df': T(3)}, any_value)
case('FisherSnedecor', {'df1': T(1, 3, 7), 'df2': T(5, 3, 1)}, positive)
case('Beta', {'concentration1': a, 'concentration0': b}, inside)
case('Beta', {'concentration1': T(.5, .75), 'concentration0': T(.75, .5)}, T(.25, .75))
case('Dirichlet', {'concentration': T(.5, 1.5, 3, .25, .5, .75, shape=(2, 3))}, T(.25, .25, .5, .125, .375, .5, shape=(2, 3)))

probs, logits = T(.125, .5, .7), T(-1, .25, 3)
bits, whole = T(0, 1, 1), T(0, 2, 5)
matrix, rows = T(.25, .25, .5, .125, .375, .5, shape=(2, 3)), T(-1, .5, 2, 0, 1, .25, shape=(2, 3))
category = torch.tensor([2, 0])
chosen = T(0, 0, 1, 1, 0, 0, shape=(2, 3))
for given in ({'probs': probs}, {'logits': logits}):
    case('Bernoulli', given, bits)
    case('Geometric', given, whole)
    case('Binomial', {'totalCount': 5, **given}, whole)
    case('NegativeBinomial', {'totalCount': 3, **given}, whole)
    case('ContinuousBernoulli', given, inside)
case('Binomial', {'totalCount': T(5, 7, 9), 'probs': probs}, whole, skip=['enumerateSupport', 'entropy'])
case('Poisson', {'rate': scale}, whole)
for given in ({'probs': matrix}, {'logits': rows}):
    case('Categorical', given, category)
    case('Categorical', given, torch.tensor([[2, 0], [1, 1]]))
    case('OneHotCategorical', given, chosen)
    case('OneHotCategoricalStraightThrough', given, chosen)
    case('Multinomial', {'totalCount': 4, **given}, T(1, 1, 2, 4, 0, 0, shape=(2, 3)))
case('VonMises', {'loc': loc, 'concentration': T(.5, 2.5, 6)}, any_value)

normals = ('Normal', {'loc': rows, 'scale': T(1, .5, 2)})
case('Independent', {'baseDistribution': normals, 'reinterpretedBatchNdims': 1}, rows)
case('Independent', {'baseDistribution': ('Bernoulli', {'probs': matrix}), 'reinterpretedBatchNdims': 2}, chosen)
case('MixtureSameFamily', {'mixtureDistribution': ('Categorical', {'probs': matrix}), 'componentDistribution': normals}, T(.5, 1))
case('MixtureSameFamily', {'mixtureDistribution': ('Categorical', {'logits': T(0, 1)}), 'componentDistribution':
     ('Independent', {'baseDistribution': normals, 'reinterpretedBatchNdims': 1})}, T(.5, 1, -1))
affine = ('AffineTransform', {'loc': T(1, 2, 3), 'scale': T(-2, .5, 1)})
case('TransformedDistribution', {'baseDistribution': ('Normal', {'loc': loc, 'scale': scale}), 'transforms': [affine, ('ExpTransform', {})]}, positive)
case('TransformedDistribution', {'baseDistribution': ('Normal', {'loc': 0, 'scale': T(1)}), 'transforms': [('SigmoidTransform', {}), affine]}, T(.25, 2.25, 3.25))
case('TransformedDistribution', {'baseDistribution': normals, 'transforms': [('IndependentTransform', {'baseTransform': ('TanhTransform', {}), 'reinterpretedBatchNdims': 1})]}, T(.5, -.5, .25))

for name in ('ExpTransform', 'SigmoidTransform', 'SoftplusTransform', 'TanhTransform', 'AbsTransform'):
    transform(name, {}, any_value)
transform(*affine, any_value)
transform('AffineTransform', {'loc': .5, 'scale': -2, 'eventDim': 1}, rows)
transform('PowerTransform', {'exponent': T(2, -.5, 3)}, positive)
transform('SoftmaxTransform', {}, rows)
transform('ComposeTransform', {'parts': [affine, ('ExpTransform', {}), ('IndependentTransform', {'baseTransform': ('PowerTransform', {'exponent': 2}), 'reinterpretedBatchNdims': 1})]}, rows)
transform('CumulativeDistributionTransform', {'distribution': ('Normal', {'loc': loc, 'scale': scale})}, any_value)

A = T(1, .5, .25, -1, .75, .5, 0, .25, 2, shape=(3, 3))
spd = A @ A.mT + torch.eye(3)
tril = A.tril(-1) + torch.diag(A.diagonal().abs() + .5)
for given in ({'covarianceMatrix': spd}, {'scaleTril': tril}):  # of a precision, gradients are not symmetric in PyTorch
    case('MultivariateNormal', {'loc': T(-1, 0, 2), **given}, rows)
case('MultivariateNormal', {'loc': rows, 'scaleTril': torch.stack([tril, tril * 2])}, rows)
case('LowRankMultivariateNormal', {'loc': T(-1, 0, 2), 'covFactor': T(1, .5, -1, .25, .5, 2, shape=(3, 2)), 'covDiag': T(.5, 1, 2)}, rows)
for given in ({'probs': probs}, {'logits': logits}):
    case('RelaxedBernoulli', {'temperature': T(.75), **given}, inside)
for given in ({'probs': matrix}, {'logits': rows}):
    case('RelaxedOneHotCategorical', {'temperature': T(.75, shape=()), **given}, T(.25, .25, .5, .125, .375, .5, shape=(2, 3)), skip=['entropy'])

S = T(.5, 1.25, 3)
R = T(.75, 1, 2)
U = {'low': T(.25, .125, .5), 'high': T(.75, .875, .9)}
DISTRIBUTIONS = {
    'Bernoulli': [{'probs': T(.125, .5, .75)}, {'probs': T(.5, .25, 1)}],
    'Beta': [{'concentration1': a, 'concentration0': b}, {'concentration1': b, 'concentration0': a}],
    'Binomial': [{'totalCount': 5, 'probs': T(.125, .5, .75)}, {'totalCount': 5, 'probs': T(.5, .25, .75)}],
    'Categorical': [{'probs': matrix}, {'logits': rows}], 'OneHotCategorical': [{'probs': matrix}, {'logits': rows}],
    'Cauchy': [{'loc': loc, 'scale': S}, {'loc': T(0, 1, 1), 'scale': R}],
    'ContinuousBernoulli': [{'probs': T(.125, .5, .75)}, {'probs': T(.5, .25, .625)}],
    'Dirichlet': [{'concentration': T(.5, 1.5, 3)}, {'concentration': T(2, 1, .5)}],
    'Exponential': [{'rate': S}, {'rate': R}], 'Gamma': [{'concentration': a, 'rate': S}, {'concentration': b, 'rate': R}],
    'Chi2': [{'df': S}, {'df': R}],
    'Geometric': [{'probs': T(.125, .5, .75)}, {'probs': T(.5, .25, .625)}], 'Gumbel': [{'loc': loc, 'scale': S}, {'loc': T(0, 1, 1), 'scale': R}],
    'HalfNormal': [{'scale': S}, {'scale': R}], 'Laplace': [{'loc': loc, 'scale': S}, {'loc': T(0, 1, 1), 'scale': R}],
    'LogNormal': [{'loc': loc, 'scale': S}, {'loc': T(0, 1, 1), 'scale': R}], 'Normal': [{'loc': loc, 'scale': S}, {'loc': T(0, 1, 1), 'scale': R}],
    'Pareto': [{'scale': T(.25, 1, 2), 'alpha': T(3, 2.5, .5)}, {'scale': T(.125, .5, 3), 'alpha': R}], 'Poisson': [{'rate': S}, {'rate': R}],
    'Uniform': [U, {'low': T(.125, .25, -1), 'high': T(2, 1, 1)}],
    'MultivariateNormal': [{'loc': T(-1, 0, 2), 'covarianceMatrix': spd}, {'loc': T(0, 1, 1), 'scaleTril': tril}],
    'LowRankMultivariateNormal': [{'loc': T(-1, 0, 2), 'covFactor': T(1, .5, -1, .25, .5, 2, shape=(3, 2)), 'covDiag': T(.5, 1, 2)},
                                  {'loc': T(0, 1, 1), 'covFactor': T(1, -1, 2, shape=(3, 1)), 'covDiag': T(1, 1, .5)}],
}
for P, (p, _) in DISTRIBUTIONS.items():
    for Q, (_, q) in DISTRIBUTIONS.items():
        if (P, Q) in (('ContinuousBernoulli', 'Uniform'),):  # infinite in PyTorch where q has more values than p, not fewer
            continue
        try:
            D.kl_divergence(build((P, p), []), build((Q, q), []))
        except NotImplementedError:
            continue
        kl((P, p), (Q, q))
for n, m in (((5, 7), (5, 3)), ((3, 5), (5, 5))):
    kl(('Binomial', {'totalCount': T(*n), 'probs': T(.125, .5)}), ('Binomial', {'totalCount': T(*m), 'probs': T(.5, .25)}))
kl(('Independent', {'baseDistribution': normals, 'reinterpretedBatchNdims': 1}),
   ('Independent', {'baseDistribution': ('Normal', {'loc': matrix, 'scale': T(1, 2, 3)}), 'reinterpretedBatchNdims': 1}))

case('LogisticNormal', {'loc': T(-1, .5), 'scale': T(.5, 2)}, T(.25, .25, .5, .125, .375, .5, shape=(2, 3)))
corr = D.CorrCholeskyTransform()(T(.5, -.25, 1))
corr = (corr * 1024).round() / 1024  # rows of norm 1 to 10⁻³, of which no more is needed here
case('LKJCholesky', {'dim': 3, 'concentration': T(.5, 2), 'validateArgs': False}, corr)
case('Wishart', {'df': T(3, 4.5), 'covarianceMatrix': spd}, torch.stack([spd, spd * 2]))
# PyTorch's gradient has numbers above the diagonal, which is not read.
case('Wishart', {'df': T(3, 4.5), 'scaleTril': tril}, torch.stack([spd, spd * 2]), skip=['gradients'])

for name in ('StickBreakingTransform', 'CorrCholeskyTransform'):
    transform(name, {}, T(-1, .5, 2, 0, 1, .25, shape=(2, 3)))
for name in ('LowerCholeskyTransform', 'PositiveDefiniteTransform'):
    transform(name, {}, torch.stack([A, A * .5]))
transform('ReshapeTransform', {'inShape': [3], 'outShape': [1, 3]}, rows)
transform('StackTransform', {'tseq': [('ExpTransform', {}), ('TanhTransform', {})], 'dim': 0}, rows)
transform('CatTransform', {'tseq': [('ExpTransform', {}), ('TanhTransform', {})], 'dim': 1, 'lengths': [1, 2]}, rows)
transform('CatTransform', {'tseq': [('ExpTransform', {}), ('TanhTransform', {})], 'dim': -1, 'lengths': [2, 1]}, rows)


# The derivative of log z by alpha with constant P(alpha, z), to 40 digits: PyTorch's own has 3 or 4.
mpmath.mp.dps = 40
slopes = []
for alpha in (.0625, .5, 1, 3, 20, 150, 5000):
    for q in (-4, -1.5, 0, 1, 4):
        z = mpmath.mpf(alpha * max(1 - 1 / (9 * alpha) + q / (3 * alpha ** .5), .01) ** 3)
        P = lambda a: mpmath.gammainc(a, 0, z, regularized=True)
        h = mpmath.mpf(10) ** -12 * alpha
        density = mpmath.exp((alpha - 1) * mpmath.log(z) - z - mpmath.loggamma(alpha))
        slopes.append([alpha, float(mpmath.log(z)), float(-(P(alpha + h) - P(alpha - h)) / (2 * h) / density / z), float(P(alpha))])

write('distributions.json', {'slopes': slopes, 'cases': cases, 'kl': kls, 'transforms': transforms})
