"""Makes small.safetensors with the reference implementation: pip install numpy safetensors, then run this file here."""

import numpy
from safetensors.numpy import save_file

tensors = {
    "0.weight": numpy.array([[0.5, -1.25, 3e38], [1e-45, numpy.inf, -0.0]], dtype=numpy.float32),
    "0.bias": numpy.array([0.1, -2.0], dtype=numpy.float64),
    "labels": numpy.array([[-2147483648], [2147483647], [7]], dtype=numpy.int32),
    "pixels": numpy.array([0, 1, 254, 255, 7], dtype=numpy.uint8),
    "steps": numpy.array([-2147483648, 2147483647, -1, 0], dtype=numpy.int64),
    "mask": numpy.array([True, False, True], dtype=numpy.bool_),
    "scalar": numpy.array(42.0, dtype=numpy.float32),
    "empty": numpy.zeros((0, 3), dtype=numpy.float32),
    "größe \"π\"": numpy.array([3.25], dtype=numpy.float32),
}
save_file(tensors, "small.safetensors", metadata={"format": "pt", "note": "Zürich ✓"})
