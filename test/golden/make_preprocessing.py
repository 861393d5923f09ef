"""Makes preprocessing.json with scikit-learn: scaled columns, class numbers, folds. Run: python test/golden/make_preprocessing.py"""
import json
from pathlib import Path

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, train_test_split
from sklearn.preprocessing import LabelEncoder, MinMaxScaler, QuantileTransformer, RobustScaler, StandardScaler

rng = np.random.default_rng(0)
columns = []
for values in (
    rng.normal(3, 2, 60),
    np.exp(rng.normal(0, 3, 50)),
    rng.integers(0, 5, 33).astype(float),  # 1/32 is exact, so that ranks of equal values are
    np.array([1e9, 1e9 + 1, 1e9 + 3]),
    rng.normal(0, 1, 1500),
):
    fresh = np.concatenate([values[:10], values.mean() + values.std() * rng.normal(0, 2, 10)])
    column = values.reshape(-1, 1)

    def scaled(scaler):
        return scaler.fit(column).transform(fresh.reshape(-1, 1)).ravel().tolist()

    columns.append(
        {
            "values": values.tolist(),
            "fresh": fresh.tolist(),
            "standardise": scaled(StandardScaler()),
            "minMax": scaled(MinMaxScaler()),
            "robust": [z / np.sqrt(1 + (z / 3) ** 2) for z in scaled(RobustScaler())],  # RealMLP's smooth clipping
            "quantile": scaled(
                QuantileTransformer(n_quantiles=min(1000, len(values)), output_distribution="normal", subsample=None)
            ),
        }
    )

labels = ["b", "a", "c", "a", "B", "é", "10", "9"]
encoder = LabelEncoder().fit(labels)


def folds(splits):
    return [[train.tolist(), test.tolist()] for train, test in splits]


kfold, stratified, grouped = [], [], []
for rows, k in ((7, 3), (10, 5), (12, 2), (5, 5)):
    kfold.append({"rows": rows, "k": k, "folds": folds(KFold(k).split(np.zeros(rows)))})
for y, k in (
    (["a", "b"] * 5, 3),
    (["b"] * 7 + ["a"] * 3 + ["c"] * 5, 3),
    (rng.choice(["x", "y", "z"], 40, p=[0.7, 0.2, 0.1]).tolist(), 4),
    (rng.integers(0, 3, 25).tolist(), 5),
):
    stratified.append({"y": y, "k": k, "folds": folds(StratifiedKFold(k).split(np.zeros(len(y)), y))})
for sizes, k in (([5, 3, 2, 1], 2), ([4, 9, 2, 7, 1, 3], 3)):
    groups = rng.permutation(np.repeat([f"g{i}" for i in range(len(sizes))], sizes)).tolist()
    grouped.append({"groups": groups, "k": k, "folds": folds(GroupKFold(k).split(np.zeros(len(groups)), groups=groups))})

sizes = []
for rows in (4, 10, 11, 37):
    for test_size, train_size in ((None, None), (0.1, None), (0.33, None), (3, None), (None, 0.5), (0.2, 0.3), (None, 2)):
        try:
            train, test = train_test_split(np.arange(rows), test_size=test_size, train_size=train_size)
            got = [len(train), len(test)]
        except ValueError:
            got = None
        sizes.append({"rows": rows, "testSize": test_size, "trainSize": train_size, "sizes": got})

Path(__file__).with_name("preprocessing.json").write_text(
    json.dumps(
        {
            "columns": columns,
            "labels": {"labels": labels, "classes": encoder.classes_.tolist(), "numbers": encoder.transform(labels).tolist()},
            "kfold": kfold,
            "stratified": stratified,
            "grouped": grouped,
            "sizes": sizes,
        }
    )
    + "\n"
)
