"""Makes losses.json: value and input gradient of every loss.

Each case is {loss, input, target, options, output, upstream, gradient}; `upstream` is the gradient that went into
backward (null: the output is a scalar and backward got none). `smoothL1` is PyTorch's smooth_l1_loss (option beta), `huber` its
huber_loss (delta).
"""
import torch
import torch.nn.functional as F

from common import FLOATS, camel, encode, encode_options, write

FUNCTIONS = {
    'mseLoss': F.mse_loss,
    'l1Loss': F.l1_loss,
    'smoothL1Loss': F.smooth_l1_loss,
    'huberLoss': F.huber_loss,
    'crossEntropy': F.cross_entropy,
    'nllLoss': F.nll_loss,
    'binaryCrossEntropy': F.binary_cross_entropy,
    'binaryCrossEntropyWithLogits': F.binary_cross_entropy_with_logits,
}
REDUCTIONS = ('mean', 'sum', 'none')
cases = []


def case(loss, x, target, **options):
    x = x.detach().clone().requires_grad_(True)
    output = FUNCTIONS[loss](x, target, **options)
    upstream = torch.ones_like(output)
    if output.dim() > 0:
        upstream = torch.linspace(-1, 2, output.numel()).to(x.dtype).view_as(output)
    output.backward(upstream)
    cases.append({
        'loss': loss, 'input': encode(x), 'target': encode(target),
        'options': encode_options({camel(k): v for k, v in options.items()}),
        'output': encode(output), 'upstream': None if output.dim() == 0 else encode(upstream), 'gradient': encode(x.grad)})


def regression(dtype):
    x = torch.randn(2, 3, dtype=dtype) * 2
    y = torch.randn(2, 3, dtype=dtype)
    x[0, 0] = y[0, 0]  # the kink of l1
    for loss in ('mseLoss', 'l1Loss', 'smoothL1Loss', 'huberLoss'):
        for reduction in REDUCTIONS:
            case(loss, x, y, reduction=reduction)
    for value in (0.25, 2.0):
        case('smoothL1Loss', x, y, beta=value)
        case('huberLoss', x, y, delta=value)
        case('huberLoss', x, y, delta=value, reduction='none')
    weight = torch.tensor([[0.5, 2, 1], [0.25, 0, 3]], dtype=dtype)
    for loss in ('mseLoss', 'l1Loss', 'huberLoss'):
        for reduction in REDUCTIONS:
            case(loss, x, y, reduction=reduction, weight=weight)
    case('mseLoss', torch.randn(5, dtype=dtype), torch.randn(5, dtype=dtype))
    case('mseLoss', torch.randn(2, 1, 3, dtype=dtype) * 1e3, torch.randn(2, 1, 3, dtype=dtype))


def classification(dtype):
    classes = 4
    weight = torch.tensor([0.5, 2.0, 1.0, 0.25], dtype=dtype)
    for shape in ((4, classes), (2, classes, 2)):
        x = torch.randn(shape, dtype=dtype) * 2
        labels = torch.randint(0, classes, shape[:1] + shape[2:])
        some = labels.clone()
        some.view(-1)[1::3] = -100
        two = labels.clone()
        two.view(-1)[0] = 2
        probabilities = torch.softmax(torch.randn(shape, dtype=dtype), 1)
        logp = torch.log_softmax(x, 1)
        for reduction in REDUCTIONS:
            case('crossEntropy', x, labels, reduction=reduction)
            case('crossEntropy', x, probabilities, reduction=reduction)
            case('nllLoss', logp, labels, reduction=reduction)
            everything = dict(weight=weight, ignore_index=2, label_smoothing=0.1, reduction=reduction)
            case('crossEntropy', x, two, **everything)
            case('crossEntropy', x, probabilities, weight=weight, label_smoothing=0.2, reduction=reduction)
            case('nllLoss', logp, two, weight=weight, ignore_index=2, reduction=reduction)
        case('crossEntropy', x, labels, weight=weight)
        case('crossEntropy', x, some)
        case('crossEntropy', x, some, weight=weight, label_smoothing=0.3)
        case('crossEntropy', x, labels, label_smoothing=0.1)
        case('crossEntropy', x, labels, label_smoothing=1.0)
        case('crossEntropy', x, probabilities, weight=weight)
        case('crossEntropy', x, probabilities, label_smoothing=0.1)
        case('nllLoss', logp, some)
        case('nllLoss', logp, labels, weight=weight)
    large = torch.tensor([[1000.0, -1000.0, 0.0, 999.0], [-1e4, -1e4, -1e4, -1e4]], dtype=dtype)
    case('crossEntropy', large, torch.tensor([3, 0]))
    case('crossEntropy', large, torch.tensor([1, 2]), reduction='none')
    case('crossEntropy', x, torch.full((2, 2), -100))  # nothing left to average: NaN, as PyTorch


def binary(dtype):
    p = torch.rand(2, 3, dtype=dtype)
    y = torch.randint(0, 2, (2, 3)).to(dtype)
    soft = torch.rand(2, 3, dtype=dtype)
    z = torch.randn(2, 3, dtype=dtype) * 3
    weight = torch.rand(2, 3, dtype=dtype) * 2
    per_column = torch.tensor([0.5, 1.0, 4.0], dtype=dtype)
    for reduction in REDUCTIONS:
        case('binaryCrossEntropy', p, y, reduction=reduction)
        case('binaryCrossEntropy', p, soft, weight=weight, reduction=reduction)
        case('binaryCrossEntropyWithLogits', z, y, reduction=reduction)
        case('binaryCrossEntropyWithLogits', z, soft, weight=weight, pos_weight=per_column, reduction=reduction)
    case('binaryCrossEntropy', p, y, weight=per_column)
    certain, wanted = torch.tensor([[0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0]], dtype=dtype)
    case('binaryCrossEntropy', certain, wanted, reduction='none')
    case('binaryCrossEntropyWithLogits', z, y, weight=per_column)
    case('binaryCrossEntropyWithLogits', z, y, pos_weight=per_column)
    case('binaryCrossEntropyWithLogits', z, y, pos_weight=torch.tensor([3.0], dtype=dtype))
    edges = torch.tensor([0.0, 100.0, -100.0, 1000.0, -1000.0, 1e-8], dtype=dtype)
    case('binaryCrossEntropyWithLogits', edges, torch.tensor([0.0, 1.0, 1.0, 0.0, 0.0, 0.5], dtype=dtype), reduction='none')


for dtype in FLOATS.values():
    torch.manual_seed(20)
    regression(dtype)
    classification(dtype)
    binary(dtype)
write('losses.json', {'cases': cases})
