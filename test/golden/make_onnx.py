# The node tests of PyPI's onnx as lines of JSON: a name, the operators, the model, its inputs and outputs.
#
#     python test/golden/make_onnx.py all <file>       every test; scripts/test-onnx.mjs runs them
#     python test/golden/make_onnx.py subset           test/golden/onnx_nodes.json: a few small ones of each operator
import base64
import json
import os
import sys
import warnings

import numpy as np

warnings.filterwarnings("ignore")
os.environ.setdefault("OMP_NUM_THREADS", "1")
from onnx.backend.test.case.node import collect_testcases  # noqa: E402


def operators_of(graph):
    for node in graph.node:
        yield node.op_type
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from operators_of(attribute.g)


def encoded(value):
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        return [encoded(v) for v in value]
    if hasattr(value, "SerializeToString"):
        return {"dtype": "message"}
    array = np.asarray(value)
    order = array.astype(array.dtype.newbyteorder("<")) if array.dtype.kind in "fiu" else array
    raw = order.tobytes() if array.dtype.kind in "fiub" else b""
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": base64.b64encode(raw).decode()}


def cases():
    for case in collect_testcases(None):
        inputs, outputs = case.data_sets[0]
        yield {
            "name": case.name,
            "operators": sorted(set(operators_of(case.model.graph))),
            "functions": len(case.model.functions),
            "model": base64.b64encode(case.model.SerializeToString()).decode(),
            "inputs": [encoded(v) for v in inputs],
            "outputs": [encoded(v) for v in outputs],
            "rtol": case.rtol,
            "atol": case.atol,
        }


# No operations here, random results, or (Not) an operator set before 7.
LEFT_OUT = """
Adagrad Adam ArrayFeatureExtractor Bernoulli Binarizer BitCast CausalConvWithState DFT DeformConv ImageDecoder LinearAttention
MelWeightMatrix Momentum NonMaxSuppression Not RoiAlign STFT TfIdfVectorizer TreeEnsemble
""".split()


def subset():
    """The smallest tests of each operator, two apiece, without those whose types there are not here."""
    known = {"float32", "float64", "int32", "int64", "uint8", "bool", "int8"}
    taken = {}

    def types(values):
        for v in values:
            if isinstance(v, list):
                yield from types(v)
            elif v is not None:
                yield v["dtype"]

    for case in sorted(cases(), key=lambda c: len(json.dumps(c))):
        key = tuple(case["operators"])
        used = {*types(case["inputs"]), *types(case["outputs"])}
        if len(key) == 1 and key[0] not in LEFT_OUT and used <= known and len(taken.setdefault(key, [])) < 2 and len(json.dumps(case)) < 7_000:
            taken[key].append(case)
    return [case for key in sorted(taken) for case in taken[key]]


if __name__ == "__main__":
    if sys.argv[1] == "all":
        with open(sys.argv[2], "w") as file:
            for case in cases():
                file.write(json.dumps(case) + "\n")
    else:
        here = os.path.dirname(os.path.abspath(__file__))
        with open(os.path.join(here, "onnx_nodes.json"), "w") as file:
            lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in subset())
            file.write(f"[\n{lines}\n]\n")
