"""Rényi divergences of the sampled Gaussian mechanism to 20 digits and more, by their definition: privacy_divergences.json. Made with mpmath 1.3
(`pip install mpmath`).

D = log E ((1 - q) + q exp((2x - 1) / 2σ²))^α / (α - 1), x from N(0, σ²): by the trapezoidal rule, or the binomial sum for whole orders.
"""
import json
import os

from mpmath import binomial, exp, expm1, log, log1p, mp, mpf, nstr, pi, sqrt

mp.dps = 70
here = os.path.dirname(os.path.abspath(__file__))


def divergence(q, sigma, alpha):
    q, s, a = mpf(q), mpf(sigma), mpf(alpha)
    if a == int(a):
        n = int(a)
        return log1p(sum(binomial(n, i) * (1 - q) ** (n - i) * q**i * expm1((i * i - i) / (2 * s * s)) for i in range(2, n + 1))) / (a - 1)
    begin, end = mpf(-16), a / s + 16
    pieces = int((end - begin) / min(0.1, sigma / 10)) + 1
    step = (end - begin) / pieces
    points = (begin + i * step for i in range(pieces + 1))
    return log(step * sum(exp(-z * z / 2) * (1 - q + q * exp((z - 1 / (2 * s)) / s)) ** a for z in points) / sqrt(2 * pi)) / (a - 1)


def epsilon(steps, delta, orders):
    """The least over these orders: Balle et al., theorem 21."""
    def of(a):
        spent = sum(count * divergence(rate, noise, a) for noise, rate, count in steps)
        return spent - (log(mpf(delta)) + log(mpf(a))) / (a - 1) + log(1 - mpf(1) / a)
    return max(mpf(0), min(of(a) for a in orders))


high = [128, 256, 512, 1024]  # beside Opacus' orders, which end at 63


def noise(target, delta, rate, steps):
    low, top = mpf(0.5), mpf(4096)
    while top / low > 1.0001:
        middle = sqrt(low * top)
        if epsilon([(float(middle), rate, steps)], delta, [*range(2, 64), *high]) > target:
            low = middle
        else:
            top = middle
    return {'targetEpsilon': target, 'targetDelta': delta, 'sampleRate': rate, 'steps': steps, 'noise': float(top)}


rows = [
    [q, sigma, alpha, float(nstr(divergence(q, sigma, alpha), 17))]
    for q in (1e-12, 1e-6, 0.001, 0.01, 0.1, 0.5, 0.99)
    for sigma in (0.05, 0.3, 1, 4, 30, 1e3, 1e8)
    for alpha in (1.1, 1.5, 4.7, 10.9, 2, 12, 63, *high)
    if alpha == int(alpha) or sigma > 0.1
]
with open(os.path.join(here, 'privacy.json')) as file:
    cases = json.load(file)['cases']
document = {
    'divergences': rows,
    'high': [float(nstr(epsilon(case['steps'], case['delta'], high), 17)) for case in cases],
    'noises': [noise(*given) for given in ((0.1, 1e-5, 0.01, 1), (0.15, 1e-8, 0.01, 1), (0.01, 1e-5, 0.02, 500), (0.05, 1e-6, 0.004, 2000))],
}
lines = [f'{json.dumps(key)}:[\n' + ',\n'.join(json.dumps(v, separators=(',', ':')) for v in value) + '\n]' for key, value in document.items()]
with open(os.path.join(here, 'privacy_divergences.json'), 'w') as file:
    file.write('{' + ',\n'.join(lines) + '}\n')
