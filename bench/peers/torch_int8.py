# Microseconds of a linear layer of floats and of the same in eight bits: torch_int8.py THREADS INPUTS OUTPUTS ROWS. See int8.js.
import json
import statistics
import sys
import time
import warnings

import torch

warnings.filterwarnings("ignore")
threads, inputs, outputs, rows = map(int, sys.argv[1:])
torch.set_num_threads(threads)
floats = torch.nn.Sequential(torch.nn.Linear(inputs, outputs))
integers = torch.ao.quantization.quantize_dynamic(floats, {torch.nn.Linear}, dtype=torch.qint8)
x = torch.randn(rows, inputs)


def microseconds(model):
    times = []
    for _ in range(40):
        started = time.perf_counter()
        model(x)
        times.append(1e6 * (time.perf_counter() - started))
    return statistics.median(times)


with torch.inference_mode():
    print(json.dumps([microseconds(floats), microseconds(integers)]))
