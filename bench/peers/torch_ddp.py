"""A rank of PyTorch's DistributedDataParallel on Gloo, for bench/distributed.js: the same answers as distributed_peer.js."""
import json
import resource
import sys
import time

import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F
import torch_families as families

torch.set_num_threads(1)
torch.manual_seed(0)
dist.init_process_group('gloo')


def wide():
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    return model, torch.optim.Adam(model.parameters(), 1e-3), F.cross_entropy


def batches(workload):
    if workload in families.FAMILIES:
        return families.data(workload)
    return families.batches(torch.randn(4096, 784), torch.randint(0, 10, (4096,)), 128)


workload = sys.argv[1]
model, optimizer, lossf = wide() if workload == 'W3' else families.training(workload)
parallel = nn.parallel.DistributedDataParallel(model)
data = batches(workload)
count = 0


def train(steps):
    global count
    for _ in range(steps):
        x, y = data[count % len(data)]
        count += 1
        loss = lossf(parallel(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return loss.item()


train(5)
print(json.dumps(dict(engine=f'PyTorch {torch.__version__}')), flush=True)
for line in sys.stdin:
    steps = json.loads(line)['steps']
    dist.barrier()
    start = time.perf_counter()
    loss = train(steps)
    seconds = time.perf_counter() - start
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(dict(seconds=seconds, loss=loss, megabytes=rss)), flush=True)
dist.destroy_process_group()
