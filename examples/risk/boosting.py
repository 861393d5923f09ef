"""Writes boosting.json: what scikit-learn's HistGradientBoostingClassifier reaches on the rows that train.js tests on, for the seeds 1 to 5. The
number of trees is chosen on the rows for development. Run with scikit-learn 1.9 and pandas from the folder of the project:
python examples/risk/boosting.py
"""

import json
import pathlib

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

here = pathlib.Path(__file__).parent
CATEGORIES = ["Aircraft Make Model", "Aircraft Airline Operator", "Origin State", "Airport Name", "Phase of flight",
              "Wildlife Size", "Wildlife Species", "Time of day"]


def parted(rows, seed):
    """As `parted` in examples/shared/vega.js."""
    mask = 0xFFFFFFFF
    parts = {"train": [], "development": [], "test": []}
    for row in range(rows):
        h = ((row + 1) * 0x9E3779B1 & mask) ^ (seed * 0x85EBCA6B & mask)
        h = (h ^ h >> 15) * 0x2C1B3C6D & mask
        share = (h ^ h >> 12) / 2**32
        parts["train" if share < 0.6 else "development" if share < 0.8 else "test"].append(row)
    return parts


def calibration_error(p, y, bins=10):
    ids = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], p)
    return sum(abs((p - y)[ids == k].sum()) for k in range(bins)) / len(y)


table = pd.read_csv(here / "../../node_modules/vega-datasets/data/birdstrikes.csv", keep_default_na=False)
table = table[table["Effect Amount of damage"].isin(["None", "Minor", "Medium", "Substantial"])].reset_index(drop=True)
y = (table["Effect Amount of damage"] != "None").to_numpy().astype(int)
date = pd.to_datetime(table["Flight Date"])
columns = [table[name].astype("category").cat.codes for name in CATEGORIES]
numbers = [pd.to_numeric(table["Speed IAS in knots"], errors="coerce"), date.dt.year, date.dt.month, date.dt.day_of_week]
X = np.column_stack([*columns, *numbers]).astype(float)
result = {}
for seed in range(1, 6):
    rows = parted(len(y), seed)
    train, dev, test = (np.array(rows[name]) for name in ("train", "development", "test"))

    def fitted(trees):
        model = HistGradientBoostingClassifier(max_iter=trees, learning_rate=0.05, max_leaf_nodes=15, l2_regularization=1,
                                               categorical_features=list(range(len(CATEGORIES))), random_state=seed)
        return model.fit(X[train], y[train])

    trees = min((50, 100, 150, 200), key=lambda n: log_loss(y[dev], fitted(n).predict_proba(X[dev])[:, 1]))
    p = fitted(trees).predict_proba(X[test])[:, 1]
    result[seed] = {
        "auc": 100 * roc_auc_score(y[test], p),
        "precision": 100 * average_precision_score(y[test], p),
        "logLoss": log_loss(y[test], p),
        "ece": float(100 * calibration_error(p, y[test])),
    }
    print(seed, trees, result[seed])
(here / "boosting.json").write_text(json.dumps(result, indent=2) + "\n")
