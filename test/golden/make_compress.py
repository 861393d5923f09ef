"""What torch.nn.utils.prune makes of seeded weights, and losses of distillation from torch's functions: compress.json.
Made with PyTorch 2.15."""
import torch
import torch.nn.functional as F
from torch.nn.utils import prune

from common import encode, write

torch.manual_seed(7)
weights = [torch.randn(6, 5), torch.randn(4, 6, 3, 3), torch.randn(3, 7)]
weights[0][0, 0] = weights[0][2, 3] = weights[2][1, 1] = 0.5  # equals


def layers():
    made = []
    for weight in weights:
        layer = torch.nn.Module()
        layer.weight = torch.nn.Parameter(weight.clone())
        made.append(layer)
    return made


def masks(made):
    return [encode(layer.weight_mask.double()) for layer in made]


everywhere = layers()
prune.global_unstructured([(layer, 'weight') for layer in everywhere], prune.L1Unstructured, amount=0.7)
once = masks(everywhere)
each = layers()
for layer in each:
    prune.l1_unstructured(layer, 'weight', amount=0.4)
slices = []
for dim in (0, 1):
    made = layers()
    for layer in made:
        prune.ln_structured(layer, 'weight', amount=0.4, n=2, dim=dim)
    slices.append({'dim': dim, 'masks': masks(made)})

student = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
teacher = torch.randn(5, 4, dtype=torch.float64)
labels = torch.tensor([0, 3, 1, 1, 2])
losses = []
for temperature, alpha in ((1, 1), (2, 0.5), (4, 0.9)):
    student.grad = None
    soft = F.kl_div(F.log_softmax(student / temperature, -1), F.log_softmax(teacher / temperature, -1), reduction='batchmean', log_target=True)
    loss = alpha * temperature ** 2 * soft + (1 - alpha) * F.cross_entropy(student, labels)
    loss.backward()
    losses.append({'temperature': temperature, 'alpha': alpha, 'loss': loss.item(), 'gradient': encode(student.grad)})

x = torch.randn(4, 6, dtype=torch.float64) * 2
upstream = torch.randn(4, 6, dtype=torch.float64)
rounded = []
for axis, scale, zero, low, high in (
    (None, torch.tensor([0.037]), torch.tensor([11]), 0, 63),
    (None, torch.tensor([0.11]), torch.tensor([0]), -8, 7),
    (0, torch.tensor([0.02, 0.05, 0.1, 0.3]), torch.tensor([0, 3, -2, 1]), -128, 127),
    (1, torch.tensor([0.02, 0.05, 0.1, 0.3, 0.01, 0.2]), torch.tensor([0, 0, 0, 0, 0, 0]), -16, 15),
):
    given = x.float().requires_grad_()
    if axis is None:
        y = torch.fake_quantize_per_tensor_affine(given, scale.item(), int(zero), low, high)
    else:
        y = torch.fake_quantize_per_channel_affine(given, scale, zero.int(), axis, low, high)
    y.backward(upstream.float())
    rounded.append({'axis': axis, 'scale': scale.tolist(), 'zero': zero.tolist(), 'low': low, 'high': high, 'y': encode(y), 'gradient': encode(given.grad)})

small, large = torch.randn(2, 3, 4, 5, dtype=torch.float64), torch.randn(2, 6, 4, 5, dtype=torch.float64)
maps = [F.normalize(x.pow(2).mean(1).view(x.size(0), -1)) for x in (small, large)]
write('compress.json', {
    'weights': [encode(weight) for weight in weights],
    'global': once,
    'layer': masks(each),
    'slices': slices,
    'student': encode(student),
    'teacher': encode(teacher),
    'labels': labels.tolist(),
    'losses': losses,
    'x': encode(x.float()),
    'upstream': encode(upstream.float()),
    'rounded': rounded,
    'small': encode(small),
    'large': encode(large),
    'attention': (maps[0] - maps[1]).pow(2).mean().item(),
})
