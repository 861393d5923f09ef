# The "light" networks of PyPI's onnx, whose weights are all 0.02, with weights drawn with a seed.
#
#     python test/golden/make_light_onnx.py <folder>       for each <name>.onnx, whose outputs are what comes before its softmax, too
import os
import pathlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper


def drawn(random, shape, place):
    """Weights with which values keep their size; place: (operator, input) where they are used."""
    if len(shape) > 1:
        fan_in = shape[0] if place == ("Gemm", 1) and len(shape) == 2 else int(np.prod(shape[1:]))
        return random.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / fan_in))
    if place in (("BatchNormalization", 1), ("BatchNormalization", 4), ("Unsqueeze", 0)):
        return random.uniform(0.5, 1.5, shape).astype(np.float32)
    return random.standard_normal(shape, np.float32) * np.float32(0.1)


def varied(model):
    graph = model.graph
    shapes = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    places = {name: (node.op_type, i) for node in graph.node for i, name in enumerate(node.input)}
    random = np.random.default_rng(1)
    kept = []
    for node in graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        name = node.output[0]
        values = drawn(random, [int(n) for n in shapes[node.input[0]]], places.get(name))
        graph.initializer.append(numpy_helper.from_array(values, name))
    del graph.node[:]
    graph.node.extend(kept)
    used = {name for node in kept for name in node.input}
    inputs = [value for value in graph.input if value.name in used and value.name not in shapes]
    weights = [t for t in graph.initializer if t.name in used]
    del graph.input[:], graph.initializer[:]
    graph.input.extend(inputs)
    graph.initializer.extend(weights)
    model.ir_version = max(model.ir_version, 4)
    last = kept[-1]
    if last.op_type == "Softmax":
        graph.output.append(onnx.helper.make_tensor_value_info(last.input[0], onnx.TensorProto.FLOAT, None))
    return model


here = pathlib.Path(os.path.dirname(onnx.__file__)) / "backend/test/data/light"
for path in sorted(here.glob("light_*.onnx")):
    onnx.save(varied(onnx.load(path)), pathlib.Path(sys.argv[1]) / path.name.removeprefix("light_"))
