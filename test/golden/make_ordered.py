"""Writes ordered.json: what is learned and measured in an order. Losses of quantiles and grades, with gradients, by PyTorch (the loss of
grades in the wording of its paper: a loop over the questions, each asked of those who came so far), the weighted loss and the surgery of
several tasks, and for the first 200 cases of make_metrics.py scikit-learn's NDCG and pinball loss, and recall at k by the chance of
each wanted item to be among the first k. Run with PyTorch 2.15 and scikit-learn 1.9: python test/golden/make_ordered.py
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from sklearn import metrics as sk

from make_metrics import make_case

torch.set_default_dtype(torch.float64)
torch.manual_seed(5)


def values(t):
    return t.detach().numpy().tolist()


def with_gradient(loss, x):
    return {"loss": loss.item(), "gradient": values(torch.autograd.grad(loss, x)[0])}


def pinball():
    x, y, q = torch.randn(3, 2, 3, requires_grad=True), torch.randn(3, 2), [0.1, 0.5, 0.8]
    parts = [torch.where(y >= x[..., k], level * (y - x[..., k]), (1 - level) * (x[..., k] - y)) for k, level in enumerate(q)]
    loss = torch.stack(parts).mean()
    return {"input": values(x), "target": values(y), "quantiles": q, **with_gradient(loss, x)}


def corn():
    x, y = torch.randn(7, 4, requires_grad=True), torch.tensor([0, 4, 2, 1, 4, 0, 3])
    total, count = 0, 0
    for k in range(4):
        asked = y >= k
        total = total + F.binary_cross_entropy_with_logits(x[asked, k], (y[asked] > k).double(), reduction="sum")
        count += int(asked.sum())
    above = torch.cumprod(torch.sigmoid(x), 1)
    probabilities = [1 - above[:, 0]] + [above[:, k - 1] - above[:, k] for k in range(1, 4)] + [above[:, 3]]
    table = values(torch.stack(probabilities, 1))
    return {"input": values(x), "target": y.tolist(), "probabilities": table, **with_gradient(total / count, x)}


def surgery():
    """Two tasks, whose gradients clash; each is projected onto the plane beside the other."""
    a = torch.randn(3, 4)
    b = torch.randn(3, 4) - 2 * a
    dot = (a * b).sum()
    assert dot < 0
    total = a - dot / (b * b).sum() * b + b - dot / (a * a).sum() * a
    return {"gradients": [values(a), values(b)], "gradient": values(total)}


def recall_at(k, scores, wanted):
    rows = []
    for s, w in zip(scores, wanted):
        chances = [np.clip((k - np.sum(s > s[i])) / np.sum(s == s[i]), 0, 1) for i in np.flatnonzero(w)]
        rows.append(np.mean(chances) if chances else 0)
    return rows


def of_case(number):
    c = make_case(number)
    scores, w = np.array(c["probabilities"]), c["weights"]
    columns = np.arange(c["classes"])
    gains = (np.array(c["target"])[:, None] + columns * np.array(c["predicted"])[:, None]) % 3
    A, B = np.array([c["a"], c["a2"]]).T, np.array([c["b"], c["b2"]]).T
    out = [sk.ndcg_score(gains, scores, k=k, sample_weight=w) for k in (None, 2)]
    out += [np.average(recall_at(k, scores, gains), weights=w) for k in (1, 3)]
    out += [sk.mean_pinball_loss(c["b"], c["a"], alpha=a, sample_weight=w) for a in (0.5, 0.9)]
    out += [sk.mean_pinball_loss(B, A, alpha=0.2, sample_weight=w)]
    return [float(f"{v:.9g}") for v in out]


golden = {
    "pinball": pinball(),
    "corn": corn(),
    "surgery": surgery(),
    "metrics": [of_case(number) for number in range(200)],
}
path = pathlib.Path(__file__).parent / "ordered.json"
path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
