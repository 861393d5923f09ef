"""Makes composed_losses.json: value and gradients of the losses that are composed of operations.

Each case is {loss, inputs, options, output, upstream, gradients}: `upstream` is the gradient of the output (all ones where it
is a scalar), `gradients` those of the inputs, null for integers and for targets that are constants. Inputs are float32
numbers in float64, so that one case serves both types. Run with PyTorch 2.15.
"""
import torch
import torch.nn.functional as F

from common import camel, encode, encode_options, write

torch.set_default_dtype(torch.float64)
torch.manual_seed(13)
REDUCTIONS = ('mean', 'sum', 'none')
cases = []


def sigmoid_focal_loss(inputs, targets, alpha=0.25, gamma=2.0, reduction='none'):
    """torchvision's: https://pytorch.org/vision/stable/generated/torchvision.ops.sigmoid_focal_loss.html"""
    p = torch.sigmoid(inputs)
    entropy = F.binary_cross_entropy_with_logits(inputs, targets, reduction='none')
    right = p * targets + (1 - p) * (1 - targets)
    loss = entropy * (1 - right) ** gamma
    if alpha >= 0:
        loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss
    return {'none': loss, 'mean': loss.mean(), 'sum': loss.sum()}[reduction]


def nt_xent_loss(input1, input2, temperature=0.5, reduction='mean'):
    """The formula of Chen et al., 2020, pair by pair."""
    z = torch.cat([input1, input2])
    count = len(z)
    losses = []
    for i in range(count):
        cosines = [F.cosine_similarity(z[i], z[k], dim=0) / temperature for k in range(count)]
        others = sum(torch.exp(cosines[k]) for k in range(count) if k != i)
        losses.append(-torch.log(torch.exp(cosines[(i + count // 2) % count]) / others))
    losses = torch.stack(losses)
    return {'none': losses, 'mean': losses.mean(), 'sum': losses.sum()}[reduction]


FUNCTIONS = {'sigmoid_focal_loss': sigmoid_focal_loss, 'nt_xent_loss': nt_xent_loss}


def randn(*shape):
    return torch.randn(shape).float().double()


def signs(*shape):
    return (torch.randint(0, 2, shape) * 2 - 1).double()


def case(loss, *inputs, constant=(), **options):
    run = FUNCTIONS.get(loss) or getattr(F, loss)
    xs = [x.detach().clone() if isinstance(x, torch.Tensor) else x for x in inputs]
    wanted = [isinstance(x, torch.Tensor) and x.is_floating_point() and i not in constant for i, x in enumerate(xs)]
    for x, want in zip(xs, wanted):
        if want:
            x.requires_grad_(True)
    output = run(*xs, **options)
    upstream = torch.linspace(-1, 2, output.numel()).view_as(output) if output.dim() > 0 else torch.ones_like(output)
    output.backward(upstream)
    cases.append({
        'loss': camel(loss), 'inputs': [encode(x) for x in xs],
        'options': encode_options({camel(k): v for k, v in options.items()}),
        'output': encode(output), 'upstream': encode(upstream),
        'gradients': [encode(x.grad) if want else None for x, want in zip(xs, wanted)]})


for reduction in REDUCTIONS:
    x, y, z = randn(3, 4), randn(3, 4), randn(3, 4)
    log_p, q = torch.log_softmax(x, 1).float().double(), torch.softmax(y, 1).float().double()
    case('kl_div', log_p, q, reduction=reduction)
    case('kl_div', log_p, torch.log(q).float().double(), reduction=reduction, log_target=True)
    counts = torch.tensor([[0.0, 1, 2, 5], [3, 1, 0, 40], [1.5, 7, 1, 2]])
    case('poisson_nll_loss', x, counts, constant=(1,), reduction=reduction)
    case('poisson_nll_loss', x, counts, constant=(1,), full=True, reduction=reduction)
    case('poisson_nll_loss', x.exp().float().double(), counts, constant=(1,), log_input=False, eps=1e-4, reduction=reduction)
    for shape in ((3, 4), (3,), (3, 1), (1, 4)):
        var = (randn(*shape).abs() + 0.25)
        case('gaussian_nll_loss', x, y, var, reduction=reduction)
    case('gaussian_nll_loss', x, y, var, full=True, eps=1e-3, reduction=reduction)
    small = torch.tensor([[0.0, 0.5, 2, 1]]).expand(3, 4).contiguous()
    case('gaussian_nll_loss', x, y, small, eps=0.75, constant=(2,), reduction=reduction)
    t = signs(3, 4)
    case('hinge_embedding_loss', x, t, constant=(1,), reduction=reduction)
    case('hinge_embedding_loss', x, t, constant=(1,), margin=0.5, reduction=reduction)
    case('margin_ranking_loss', x, y, t, constant=(2,), reduction=reduction)
    case('margin_ranking_loss', x, y, t, constant=(2,), margin=0.75, reduction=reduction)
    one = torch.tensor([1.0, -1, -1])
    case('cosine_embedding_loss', x, y, one, constant=(2,), reduction=reduction)
    case('cosine_embedding_loss', x, y, one, constant=(2,), margin=-0.5, reduction=reduction)
    case('cosine_embedding_loss', x[0], y[0], torch.tensor(1.0), constant=(2,), reduction=reduction)
    case('soft_margin_loss', x, t, constant=(1,), reduction=reduction)
    case('triplet_margin_loss', x, y, z, reduction=reduction)
    case('triplet_margin_loss', x, y, z, margin=2.5, p=3.0, eps=1e-3, swap=True, reduction=reduction)
    case('triplet_margin_loss', x[0], y[0], z[0], p=1.0, reduction=reduction)
    case('triplet_margin_with_distance_loss', x, y, z, margin=1.5, swap=True, reduction=reduction)
    labels = torch.tensor([3, 0, 1])
    weight = torch.tensor([0.5, 2.0, 1.0, 0.25])
    case('multi_margin_loss', x, labels, reduction=reduction)
    case('multi_margin_loss', x, labels, p=2, margin=0.5, weight=weight, reduction=reduction)
    case('multi_margin_loss', x[0], torch.tensor(2), reduction=reduction)
    several = torch.tensor([[3, 0, -1, 1], [-1, 2, 2, 2], [0, 1, 2, 3]])
    case('multilabel_margin_loss', x, several, reduction=reduction)
    case('multilabel_margin_loss', x[0], torch.tensor([1, -1, 0, 0]), reduction=reduction)
    hits = torch.randint(0, 2, (3, 4)).double()
    case('multilabel_soft_margin_loss', x, hits, constant=(1,), reduction=reduction)
    case('multilabel_soft_margin_loss', x, hits, constant=(1,), weight=weight, reduction=reduction)
    case('sigmoid_focal_loss', x, hits, constant=(1,), reduction=reduction)
    case('sigmoid_focal_loss', x, hits, constant=(1,), alpha=-1.0, gamma=3.0, reduction=reduction)
    w = randn(5, 4)
    case('linear_cross_entropy', x, w, torch.tensor([4, 0, 2]), reduction=reduction)
    case('linear_cross_entropy', x, w, torch.tensor([4, 1, 2]), linear_bias=randn(5), ignore_index=1, label_smoothing=0.1,
         weight=torch.tensor([1.0, 2, 3, 0.5, 0.25]), reduction=reduction)
    case('linear_cross_entropy', x, randn(5, 2, 4), torch.tensor([[4, 0], [2, 3], [1, 1]]), linear_bias=randn(5, 2),
         reduction=reduction)
case('kl_div', log_p, q, reduction='batchmean')
case('kl_div', log_p, torch.tensor([[0.0, 1, 0, 0]]).expand(3, 4).contiguous(), constant=(1,), reduction='batchmean')
case('triplet_margin_loss', x, y, z, p=float('inf'), margin=3.0)


ctc = []


def ctc_case(x, targets, input_lengths, target_lengths, **options):
    x = x.requires_grad_(True)
    lengths = [torch.as_tensor(n) for n in (input_lengths, target_lengths)]
    output = F.ctc_loss(torch.log_softmax(x, -1), targets, *lengths, **options)
    upstream = torch.linspace(1, 2, output.numel()).view_as(output)
    output.backward(upstream)
    ctc.append({
        'input': encode(x), 'targets': encode(targets), 'inputLengths': input_lengths, 'targetLengths': target_lengths,
        'options': encode_options({camel(k): v for k, v in options.items()}),
        'output': encode(output), 'upstream': encode(upstream), 'gradient': encode(x.grad)})


labels = torch.tensor([[1, 2, 2], [3, 1, 9], [9, 9, 9]])
for reduction in REDUCTIONS:
    ctc_case(randn(6, 3, 4), labels, [6, 5, 2], [3, 2, 0], reduction=reduction)
    ctc_case(randn(5, 2, 4), torch.tensor([1, 3, 1, 2]), [5, 4], [3, 1], reduction=reduction)
    ctc_case(randn(5, 2, 4), torch.tensor([[0, 2], [1, 1]]), [5, 5], [2, 2], blank=3, reduction=reduction)
    ctc_case(randn(2, 2, 4), torch.tensor([[1, 1], [1, 2]]), [2, 2], [2, 2], zero_infinity=True, reduction=reduction)
ctc_case(randn(4, 3), torch.tensor([1, 2]), 4, 2)
for reduction in REDUCTIONS:
    case('nt_xent_loss', randn(4, 3), randn(4, 3), reduction=reduction)
    case('nt_xent_loss', randn(5, 2), randn(5, 2), temperature=0.1, reduction=reduction)
case('nt_xent_loss', randn(1, 3), randn(1, 3))
write('composed_losses.json', {'cases': cases, 'ctc': ctc})
