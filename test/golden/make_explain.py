"""What captum says of small seeded networks in float64: explain.json. Made with PyTorch 2.15 and captum 0.9."""
import torch
from captum.attr import DeepLift, IntegratedGradients, LayerAttribution, LayerGradCam, Occlusion, Saliency, ShapleyValues
from torch import nn

from common import encode, write

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)
net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(64, 3)).eval()
x = torch.randn(2, 1, 8, 8)
target = torch.tensor([2, 0])
base = torch.rand(1, 8, 8)
cam = LayerGradCam(net, net[2]).attribute(x, target=target, relu_attributions=True)

table = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2)).eval()
rows = torch.randn(3, 4)
means = torch.randn(1, 4)

write('explain.json', {
    'state': {key: encode(value) for key, value in net.state_dict().items()},
    'x': encode(x),
    'target': target.tolist(),
    'base': encode(base),
    'saliency': encode(Saliency(net).attribute(x, target=target)),
    'signed': encode(Saliency(net).attribute(x, target=target, abs=False)),
    'integrated': encode(IntegratedGradients(net).attribute(x, baselines=base[None], target=target, n_steps=20, method='riemann_middle')),
    'deepLift': encode(DeepLift(net).attribute(x, baselines=base[None].expand(2, -1, -1, -1), target=target)),
    'occlusion': encode(Occlusion(net).attribute(x, (1, 3, 3), strides=(1, 2, 2), baselines=0.2, target=target)),
    'cam': encode(LayerAttribution.interpolate(cam, (8, 8), 'bilinear')),
    'tableState': {key: encode(value) for key, value in table.state_dict().items()},
    'rows': encode(rows),
    'means': encode(means[0]),
    'shapley': encode(ShapleyValues(table).attribute(rows, baselines=means, target=1)),
})
