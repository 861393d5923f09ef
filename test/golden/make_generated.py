"""Fréchet distances by SciPy's matrix square root, and inception scores by NumPy: generated.json."""
import numpy
from scipy.linalg import sqrtm

from common import write
from seeded import uniform


def features(key, rows, columns, rank):
    """Features of `columns` numbers, of which `rank` are independent; the sum of four uniforms is nearly normal."""
    low = sum(uniform(f'{key} {i}', rows * rank) for i in range(4)).reshape(rows, rank)
    return low @ (uniform(f'{key} mix', rank * columns).reshape(rank, columns) - 0.5) + uniform(f'{key} mean', columns)


def frechet(a, b):
    covs = [numpy.atleast_2d(numpy.cov(x, rowvar=False)) for x in (a, b)]
    root = sqrtm(covs[0] @ covs[1])
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + numpy.trace(covs[0] + covs[1] - 2 * root.real))


distances = [{'shapes': shapes, 'value': frechet(features('real', *shapes[0]), features('generated', *shapes[1]))}
             for shapes in (([50, 8, 8], [70, 8, 8]), ([300, 32, 32], [300, 32, 32]), ([20, 1, 1], [30, 1, 1]))]
logits = (uniform('logits', 40 * 6).reshape(40, 6) - 0.5) * 8
p = numpy.exp(logits) / numpy.exp(logits).sum(1, keepdims=True)
score = float(numpy.exp((p * (numpy.log(p) - numpy.log(p.mean(0)))).sum(1).mean()))
write('generated.json', {'distances': distances, 'score': score})
