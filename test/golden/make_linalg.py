"""Makes linalg.json: what functions of torch.linalg, and such of torch, return, and their gradients.

A case is {name, inputs, args, fields, signless, prepare, outputs, gradients}, in float64: `name`, `args` (after the inputs) and
`fields` (of the result, null for a tensor) are adjoint's. Inputs are multiples of 1/64, exact in float32, too. Of results in
`signless`, whose vectors have arbitrary signs, the absolute values are kept. Gradients are those of the sum of all float results
times cos(1), cos(2), …, at the inputs. `prepare` says what the first input goes through before: "spd" x · xᵀ + I, "symmetric"
x + xᵀ, "lower" and "upper" a triangle of x, "wide" x + 3 · I. Runs with PyTorch 2.15.
"""
import torch

from common import encode, write

L = torch.linalg
cases = []
PREPARE = {
    None: lambda x: x,
    'spd': lambda x: x @ x.mT + torch.eye(x.shape[-1], dtype=x.dtype),
    'symmetric': lambda x: x + x.mT,
    'lower': torch.tril,
    'upper': torch.triu,
    'wide': lambda x: x + 3 * torch.eye(x.shape[-2], x.shape[-1], dtype=x.dtype),
}


def case(name, function, shapes, args=(), fields=None, signless=(), prepare=None, gradient=True):
    generator = torch.Generator().manual_seed(len(cases))
    inputs = [(torch.randn(s, dtype=torch.float64, generator=generator) * 64).round() / 64 for s in shapes]
    for x in inputs:
        x.requires_grad_(gradient)
    outputs = function(PREPARE[prepare](inputs[0]), *inputs[1:])
    outputs = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
    outputs = [y.abs() if f in signless else y for f, y in zip(fields or [None], outputs)]
    outputs = [y if y.is_floating_point() else y.long() for y in outputs]
    total = sum((y * torch.cos(torch.arange(1, y.numel() + 1, dtype=y.dtype)).view(y.shape)).sum()
                for y in outputs if y.is_floating_point())
    gradients = torch.autograd.grad(total, inputs) if gradient else []
    cases.append({'name': name, 'inputs': [encode(x) for x in inputs], 'args': list(args), 'fields': fields,
                  'signless': list(signless), 'prepare': prepare, 'outputs': [encode(y) for y in outputs],
                  'gradients': [encode(g) for g in gradients]})



case('solve', L.solve, [(3, 3), (3, 2)])
case('solve', L.solve, [(2, 1, 3, 3), (2, 3, 2)])
case('solve', lambda a, b: L.solve(a, b, left=False), [(3, 3), (2, 3)], [{'left': False}])
case('solve', L.solve, [(2, 3, 3), (2, 3)])
case('solveEx', L.solve_ex, [(3, 3), (3, 2)], fields=['result', 'info'])
case('inv', L.inv, [(2, 3, 3)])
case('invEx', L.inv_ex, [(3, 3)], fields=['inverse', 'info'])
case('det', L.det, [(2, 3, 3)])
case('slogdet', L.slogdet, [(2, 3, 3)], fields=['sign', 'logabsdet'])
case('cholesky', L.cholesky, [(2, 3, 3)], prepare='spd')
case('cholesky', lambda a: L.cholesky(a, upper=True), [(3, 3)], [{'upper': True}], prepare='spd')
case('choleskyEx', L.cholesky_ex, [(3, 3)], fields=['L', 'info'], prepare='spd')
case('cholesky', L.cholesky, [(33, 33)], prepare='spd', gradient=False)
for upper in (True, False):
    for left in (True, False):
        for unit in (True, False):
            case('solveTriangular',
                 lambda a, b: L.solve_triangular(a, b, upper=upper, left=left, unitriangular=unit),
                 [(2, 3, 3), (3, 2) if left else (2, 3)],
                 [{'upper': upper, 'left': left, 'unitriangular': unit}], prepare='wide')
case('luFactor', L.lu_factor, [(3, 3)], fields=['LU', 'pivots'])
case('luFactor', L.lu_factor, [(2, 4, 3)], fields=['LU', 'pivots'])
case('luFactor', L.lu_factor, [(2, 4)], fields=['LU', 'pivots'])
case('luFactorEx', L.lu_factor_ex, [(3, 3)], fields=['LU', 'pivots', 'info'])
for left in (True, False):
    for adjoint in (True, False):
        case('luSolve', lambda a, b: L.lu_solve(*L.lu_factor(a), b, left=left, adjoint=adjoint),
             [(2, 3, 3), (3, 2) if left else (2, 3)], [{'left': left, 'adjoint': adjoint}])
case('lu', L.lu, [(2, 3, 3)], fields=['P', 'L', 'U'])
case('lu', L.lu, [(4, 2)], fields=['P', 'L', 'U'])
case('lu', L.lu, [(2, 4)], fields=['P', 'L', 'U'])
for shape in ((3, 3), (2, 6, 6)):
    case('ldlFactor', L.ldl_factor, [shape], fields=['LD', 'pivots'], gradient=False)
case('ldlFactorEx', L.ldl_factor_ex, [(5, 5)], fields=['LD', 'pivots', 'info'], gradient=False)
case('ldlSolve', lambda a, b: L.ldl_solve(*L.ldl_factor(a), b), [(2, 6, 6), (6, 2)], gradient=False, prepare='symmetric')
case('ldlSolve', lambda a, b: L.ldl_solve(*L.ldl_factor(a), b), [(5, 5), (5, 2)], gradient=False, prepare='symmetric')
for shape in ((3, 3), (2, 4, 3), (2, 4)):
    case('qr', L.qr, [shape], fields=['Q', 'R'])
case('qr', lambda a: L.qr(a, 'complete'), [(4, 2)], ['complete'], fields=['Q', 'R'], gradient=False)
case('qr', lambda a: L.qr(a, 'complete'), [(2, 3)], ['complete'], fields=['Q', 'R'])
case('qr', lambda a: L.qr(a, 'r'), [(4, 2)], ['r'], fields=['Q', 'R'], gradient=False)
case('householderProduct', L.householder_product, [(2, 4, 3), (2, 2)])
case('eigh', L.eigh, [(2, 3, 3)], fields=['eigenvalues', 'eigenvectors'], signless=['eigenvectors'], prepare='symmetric')
case('eigh', lambda a: L.eigh(a, 'U'), [(3, 3)], ['U'], fields=['eigenvalues', 'eigenvectors'], signless=['eigenvectors'])
case('eigh', L.eigh, [(3, 3)], fields=['eigenvalues', 'eigenvectors'], signless=['eigenvectors'])
case('eigvalsh', L.eigvalsh, [(4, 4)], prepare='symmetric')
case('matrixSqrth', L.matrix_sqrth, [(3, 3)], prepare='spd')
for shape in ((3, 3), (2, 4, 3), (2, 4)):
    case('svd', lambda a: L.svd(a, full_matrices=False), [shape], [False], fields=['U', 'S', 'Vh'], signless=['U', 'Vh'])
case('svd', L.svd, [(3, 3)], fields=['U', 'S', 'Vh'], signless=['U', 'Vh'])
case('svdvals', L.svdvals, [(2, 4, 3)])
case('polar', L.polar, [(4, 3)], fields=['U', 'H'])
for shape in ((3, 3), (2, 4, 3), (2, 4)):
    case('pinv', L.pinv, [shape])
case('pinv', lambda a: L.pinv(a, hermitian=True), [(3, 3)], [{'hermitian': True}], prepare='symmetric')
case('matrixRank', L.matrix_rank, [(2, 4, 3)], gradient=False)
case('lstsq', lambda a, b: L.lstsq(a, b)[::2], [(5, 3), (5, 2)], fields=['solution', 'rank'])  # residuals: by gelsd alone
case('lstsq', lambda a, b: L.lstsq(a, b)[:3], [(2, 2, 4), (2, 2, 1)], fields=['solution', 'residuals', 'rank'])
case('lstsq', lambda a, b: L.lstsq(a, b, driver='gelsd'), [(4, 3), (4, 2)], [{'driver': 'gelsd'}], gradient=False,
     fields=['solution', 'residuals', 'rank', 'singularValues'])
for name, value in (('fro', 'fro'), ('nuc', 'nuc'), (1, 1), (-1, -1), (2, 2), (-2, -2),
                    ('Infinity', float('inf')), ('-Infinity', -float('inf'))):
    case('matrixNorm', lambda a: L.matrix_norm(a, value), [(2, 3, 4)], [name])
    case('cond', lambda a: L.cond(a, value), [(2, 3, 3)], [name], gradient=value in (2, -2))  # PyTorch's own fail
case('matrixNorm', lambda a: L.matrix_norm(a, dim=(0, 2), keepdim=True), [(2, 3, 4)], [{'dim': [0, 2], 'keepDim': True}])
case('vectorNorm', L.vector_norm, [(2, 3)])
case('vectorNorm', lambda a: L.vector_norm(a, 3, 1, keepdim=True), [(2, 3)], [3, 1, {'keepDim': True}])
case('norm', L.norm, [(2, 3)])
case('norm', lambda a: L.norm(a, 1), [(2, 3)], [1])
case('norm', lambda a: L.norm(a, 1, 1), [(2, 3)], [1, 1])
case('norm', lambda a: L.norm(a, 'nuc', (0, 2)), [(2, 3, 4)], ['nuc', [0, 2]])
case('cross', L.cross, [(2, 3), (2, 3)])
case('cross', lambda a, b: L.cross(a, b, dim=0), [(3, 2), (3, 1)], [{'dim': 0}])
case('vecdot', L.vecdot, [(2, 3), (3,)])
case('diagonal', L.diagonal, [(2, 3, 4)])
for offset in (1, -1, 3, -3, 5):
    case('diagonal', lambda a: L.diagonal(a, offset=offset), [(2, 3, 4)], [{'offset': offset}])
case('diagonal', lambda a: L.diagonal(a, offset=1, dim1=2, dim2=0), [(2, 3, 4)], [{'offset': 1, 'dim1': 2, 'dim2': 0}])
for n in (0, 1, 5, -3):
    case('matrixPower', lambda a: L.matrix_power(a, n), [(2, 3, 3)], [n], prepare='wide', gradient=n != 0)
case('multiDot', lambda *xs: L.multi_dot(xs), [(3, 10), (10, 2), (2, 6), (6,)])
case('multiDot', lambda *xs: L.multi_dot(xs), [(4,), (4, 5), (5,)])
case('vander', L.vander, [(2, 3)], gradient=False)
case('vander', lambda x: L.vander(x, N=5), [(3,)], [{'N': 5}])
case('tensorinv', L.tensorinv, [(2, 3, 6)])
case('tensorinv', lambda a: L.tensorinv(a, 1), [(4, 2, 2)], [1])
case('tensorsolve', L.tensorsolve, [(2, 3, 6), (2, 3)])
case('tensorsolve', lambda a, b: L.tensorsolve(a, b, (0,)), [(6, 2, 3), (2, 3)], [[0]])
case('matrixExp', L.matrix_exp, [(2, 3, 3)])
case('matrixExp', L.matrix_exp, [(3, 3)], prepare='spd')

# Of torch itself.
case('inverse', torch.inverse, [(2, 3, 3)])
case('logdet', torch.logdet, [(3, 3)], prepare='spd')
case('pinverse', torch.pinverse, [(2, 4, 3)])
for upper in (True, False):
    case('choleskySolve', lambda a, b: torch.cholesky_solve(b, a, upper), [(2, 3, 3), (3, 2)], [upper],
         prepare='upper' if upper else 'lower')
    case('choleskyInverse', lambda a: torch.cholesky_inverse(a, upper), [(2, 3, 3)], [upper],
         prepare='upper' if upper else 'lower')
case('geqrf', torch.geqrf, [(2, 4, 3)], fields=['a', 'tau'], gradient=False)
for left in (True, False):
    for transpose in (True, False):
        case('ormqr', lambda a, tau, c: torch.ormqr(a, tau, c, left, transpose),
             [(4, 3), (3,), (4, 2) if left else (2, 4)], [left, transpose])
case('luUnpack', lambda a: torch.lu_unpack(*torch.linalg.lu_factor(a)), [(2, 4, 3)], fields=['P', 'L', 'U'])

write('linalg.json', {'cases': cases})
