# What `npm run test:onnx -- export` has written, in ONNX's own checker and, where there are numbers beside it, its reference evaluator.
#
#     python test/golden/check_onnx.py <folder>
#
# Of a network there are <name>.onnx and perhaps <name>.json: inputs and outputs, {"shape", "dtype", "data": base64} each.
import base64
import json
import pathlib
import sys

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

LIMIT = {"float32": 1e-4, "float64": 1e-9}


def array(value):
    return np.frombuffer(base64.b64decode(value["data"]), value["dtype"]).reshape(value["shape"])


def difference(path):
    """The largest one of the reference evaluator's results, by the larger of 1 and |wanted|."""
    case = json.loads(path.with_suffix(".json").read_text())
    session = ReferenceEvaluator(str(path))
    # What the results do not depend on is no input there.
    given = dict(zip(session.input_names, map(array, case["inputs"])))
    worst = 0.0
    for got, value in zip(session.run(None, given), case["outputs"]):
        wanted = array(value)
        assert got.shape == wanted.shape, f"shape {got.shape} instead of {wanted.shape}"
        if wanted.size:
            worst = max(worst, float(np.max(np.abs(got - wanted) / np.maximum(1, np.abs(wanted)))))
    return worst


counts = {"checked": 0, "evaluated": 0, "failed": 0}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    try:
        onnx.checker.check_model(str(path), full_check=True)
        counts["checked"] += 1
        if path.with_suffix(".json").exists():
            worst = difference(path)
            if not worst <= LIMIT["float64" if "float64" in path.stem else "float32"]:
                raise AssertionError(f"the reference evaluator differs by {worst:.1e}")
            counts["evaluated"] += 1
    except Exception as error:  # noqa: BLE001: whatever a model does to ONNX
        counts["failed"] += 1
        print(f"FAIL {path.stem}: {type(error).__name__}: {str(error).strip().splitlines()[-1] if str(error).strip() else ''}")
print(f"{counts['checked']} models passed the checker, {counts['evaluated']} gave the same numbers, {counts['failed']} failed")
sys.exit(1 if counts["failed"] else 0)
