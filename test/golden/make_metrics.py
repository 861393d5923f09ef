"""Writes metrics.json: scikit-learn's and SciPy's values for 1,000 random cases. test/metrics/cases.ts makes the same cases,
so that only the values are stored. Run with scikit-learn 1.9: python test/golden/make_metrics.py
"""

import json
import math
import pathlib
import warnings

import numpy as np
import scipy.special
import scipy.stats
import sklearn
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve
from sklearn.preprocessing import label_binarize

warnings.simplefilter("ignore")


class Random:
    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (1664525 * self.state + 1013904223) % 2**32
        return self.state // 2**16 % n


def make_case(number):
    r = Random((number * 2654435761 + 12345) % 2**32)
    for _ in range(3):
        r.below(2)
    n, classes = 1 + r.below(40), 3 + r.below(4)
    levels = [2, 5, 1000][r.below(3)]
    weighted, single = r.below(2) == 1, r.below(10) == 0

    def integers(below):
        first = r.below(below)
        return [first if single else r.below(below) for _ in range(n)]

    def numbers():
        return [(r.below(64) - 32) / 8 for _ in range(n)]

    c = {"classes": classes}
    c["binary"] = integers(2)
    c["guess"] = [r.below(2) for _ in range(n)]
    c["score"] = [r.below(levels + 1) / levels for _ in range(n)]
    c["target"] = integers(classes)
    c["predicted"] = [r.below(classes) for _ in range(n)]
    rows = [[r.below(levels) for _ in range(classes)] for _ in range(n)]
    rows = [row if sum(row) > 0 else [1] + row[1:] for row in rows]
    c["probabilities"] = [[k / sum(row) for k in row] for row in rows]
    c["logits"] = [[(r.below(64) - 32) / 8 for _ in range(classes)] for _ in range(n)]
    c["a"], c["a2"], c["b2"] = numbers(), numbers(), numbers()
    c["b"] = [b / 8 for b in integers(64)]
    weights = [r.below(5) / 4 for _ in range(n)]
    c["weights"] = (weights if sum(weights) > 0 else [1] + weights[1:]) if weighted else None
    return c


def checksum(values):
    return float(sum((i + 1) * v for i, v in enumerate(np.ravel(values))))


def expected_calibration(p, hit, w, bins):
    ids = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], p)
    gaps = [abs(np.sum((w * (p - hit))[ids == k])) for k in range(bins)]
    return sum(gaps) / np.sum(w)


def weighted_pearson(x, y, w):
    cov = np.cov(x, y, aweights=w, ddof=0)
    with np.errstate(all="ignore"):
        return cov[0, 1] / np.sqrt(cov[0, 0] * cov[1, 1])


def of_classes(c, w, out):
    y, z, labels = c["target"], c["predicted"], list(range(c["classes"]))
    t, g = c["binary"], c["guess"]
    out["accuracy"] = sk.accuracy_score(y, z, sample_weight=w)
    out["accuracySum"] = sk.accuracy_score(y, z, sample_weight=w, normalize=False)
    out["balanced"] = sk.balanced_accuracy_score(y, z, sample_weight=w)
    out["confusion"] = checksum(sk.confusion_matrix(y, z, labels=labels, sample_weight=w))
    for by in ("true", "pred", "all"):
        out["confusion " + by] = checksum(sk.confusion_matrix(y, z, labels=labels, sample_weight=w, normalize=by))
    for weights in (None, "linear", "quadratic"):
        out[f"kappa {weights}"] = sk.cohen_kappa_score(y, z, labels=labels, weights=weights, sample_weight=w)
    out["matthews"] = sk.matthews_corrcoef(y, z, sample_weight=w)
    out["matthews binary"] = sk.matthews_corrcoef(t, g, sample_weight=w)
    functions = {
        "precision": sk.precision_score,
        "recall": sk.recall_score,
        "f1": sk.f1_score,
        "f2": lambda *a, **o: sk.fbeta_score(*a, beta=2, **o),
    }
    for name, f in functions.items():
        out[name] = f(t, g, sample_weight=w, zero_division=0)
        out[name + " 0"] = f(t, g, pos_label=0, sample_weight=w, zero_division=1)
        for average in ("micro", "macro", "weighted", None):
            value = f(y, z, average=average, labels=labels, sample_weight=w, zero_division=0)
            out[f"{name} {average}"] = checksum(value)
    out["f1 some"] = sk.f1_score(y, z, average="micro", labels=[2, 0], sample_weight=w, zero_division=0)
    out["f1 nan"] = sk.f1_score(y, z, average="macro", sample_weight=w, zero_division=np.nan)


def of_scores(c, w, out):
    y, labels, P = c["target"], list(range(c["classes"])), np.array(c["probabilities"])
    t, p = np.array(c["binary"]), np.array(c["score"])
    one_hot = label_binarize(y, classes=labels)
    out["auc"] = sk.roc_auc_score(t, p, sample_weight=w) if len(set(c["binary"])) > 1 else math.nan
    out["ap"] = sk.average_precision_score(t, p, sample_weight=w)
    for average in ("macro", "weighted"):
        options = {"average": average, "sample_weight": w}
        out["auc " + average] = sk.roc_auc_score(y, P, labels=labels, multi_class="ovr", **options)
        out["ap " + average] = sk.average_precision_score(one_hot, P, **options)
    for drop in (True, False):
        fpr, tpr, thresholds = sk.roc_curve(t, p, pos_label=1, sample_weight=w, drop_intermediate=drop)
        out[f"roc {drop}"] = checksum(fpr) + checksum(tpr) + checksum(thresholds[1:])
        curve = sk.precision_recall_curve(t, p, pos_label=1, sample_weight=w, drop_intermediate=drop)
        out[f"pr {drop}"] = sum(map(checksum, curve))
    out["log loss"] = sk.log_loss(y, P, labels=labels, sample_weight=w)
    out["log loss binary"] = sk.log_loss(t, p, labels=[0, 1], sample_weight=w)
    softmax = scipy.special.softmax(np.array(c["logits"]), axis=1)
    out["log loss logits"] = sk.log_loss(y, softmax, labels=labels, sample_weight=w)
    out["brier"] = sk.brier_score_loss(y, P, labels=labels, sample_weight=w)
    out["brier binary"] = sk.brier_score_loss(t, p, pos_label=1, sample_weight=w)
    for k in (1, 2, 3):
        out[f"top {k}"] = sk.top_k_accuracy_score(y, P, k=k, labels=labels, sample_weight=w)
    ones = np.ones(len(y)) if w is None else np.array(w)
    out["ece binary"] = expected_calibration(p, t, ones, 10)
    out["ece"] = expected_calibration(P.max(axis=1), P.argmax(axis=1) == np.array(y), ones, 15)
    out["calibration"] = sum(map(checksum, calibration_curve(t, p, pos_label=1, n_bins=5)))


def of_numbers(c, w, out):
    a, b = c["a"], c["b"]
    A, B = np.transpose([c["a"], c["a2"]]), np.transpose([c["b"], c["b2"]])
    functions = {
        "mae": sk.mean_absolute_error,
        "mse": sk.mean_squared_error,
        "rmse": sk.root_mean_squared_error,
        "mape": sk.mean_absolute_percentage_error,
        "r2": sk.r2_score,
    }
    for name, f in functions.items():
        out[name] = f(b, a, sample_weight=w)
        out[name + " mean"] = f(B, A, sample_weight=w)
        out[name + " raw"] = checksum(f(B, A, sample_weight=w, multioutput="raw_values"))
    out["r2 variance"] = sk.r2_score(B, A, sample_weight=w, multioutput="variance_weighted")
    out["pearson"] = scipy.stats.pearsonr(a, b).statistic if len(a) > 1 else math.nan
    out["pearson weighted"] = weighted_pearson(a, b, w) if w and len(a) > 1 else math.nan
    out["spearman"] = scipy.stats.spearmanr(a, b).statistic if len(a) > 1 else math.nan


def values_of(number):
    c = make_case(number)
    out = {}
    for part in (of_classes, of_scores, of_numbers):
        part(c, c["weights"], out)
    return out


def shortened(value):
    value = float(value)
    return float(f"{value:.8g}") if math.isfinite(value) else str(value)


if __name__ == "__main__":
    cases = [values_of(i) for i in range(1000)]
    golden = {
        "made with": f"scikit-learn {sklearn.__version__}, scipy {scipy.__version__}",
        "names": list(cases[0]),
        "values": [[shortened(v) for v in case.values()] for case in cases],
    }
    path = pathlib.Path(__file__).with_name("metrics.json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace("],[", "],\n[") + "\n")
