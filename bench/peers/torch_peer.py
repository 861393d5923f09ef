"""PyTorch as a peer of the benchmark; the protocol is described in peer.js. Run it with OMP_NUM_THREADS and
OPENBLAS_NUM_THREADS set to the thread count of the requests."""
import json
import resource
import sys
import time


def say(**answer):
    print(json.dumps(answer), flush=True)


try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
    import torch_families as families
except ImportError as error:
    say(unavailable=str(error))
    sys.exit(0)

WARM_UP_SECONDS = 0.6
SAMPLES = 60000


def classes(count, features=784):
    """As in peer.js; in pieces, so that the peak of memory is that of the data."""
    patterns, labels = torch.randn(10, features), torch.randint(0, 10, (count,))
    x = torch.empty(count, features)
    for i in range(0, count, 4096):
        part = x[i:i + 4096]
        part.normal_(0, 2).add_(patterns[labels[i:i + 4096]], alpha=0.5)
    return x, labels


def batches(x, y, size):
    return [(x[i:i + size].contiguous(), y[i:i + size].contiguous()) for i in range(0, len(x), size)]


def mlp(*sizes, activation=nn.ReLU):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


class Training:
    def __init__(self, workload):
        if workload in families.FAMILIES:
            self.model, self.optimizer, self.lossf = families.training(workload)
            self.data = families.data(workload)
        elif workload == 'W1':
            self.model = mlp(2, 8, 1, activation=nn.Tanh)
            self.optimizer = torch.optim.SGD(self.model.parameters(), 0.5)
            self.lossf = F.binary_cross_entropy_with_logits
            x = torch.tensor([[0., 0], [0, 1], [1, 0], [1, 1]])
            self.data = [(x, torch.tensor([[0.], [1], [1], [0]]))]
        else:
            wide = workload == 'W3'
            self.model = mlp(784, 512, 512, 10) if wide else mlp(784, 128, 10)
            parameters = self.model.parameters()
            if wide:
                self.optimizer = torch.optim.Adam(parameters, 1e-3)
            else:
                self.optimizer = torch.optim.SGD(parameters, 0.01, momentum=0.9)
            self.lossf = F.cross_entropy
            self.data = batches(*classes(4096), 128 if wide else 64)
        self.count = 0
        self.first = self.step()
        self.measure(WARM_UP_SECONDS)

    def step(self):
        x, y = self.data[self.count % len(self.data)]
        self.count += 1
        loss = self.lossf(self.model(x), y)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def measure(self, seconds):
        steps, start, elapsed = 0, time.perf_counter(), 0
        while elapsed < seconds:
            loss = self.step()
            steps += 1
            elapsed = time.perf_counter() - start
        return dict(stepsPerSecond=steps / elapsed, lossFirst=self.first.item(), lossLast=loss.item())


class Epoch:
    """What examples/mnist does, the images already standardised floats in memory."""

    def __init__(self):
        self.x, self.y = classes(SAMPLES)
        self.x.sub_(self.x.mean()).div_(self.x.std())
        self.model = mlp(784, 128, 10)
        self.optimizer = torch.optim.SGD(self.model.parameters(), 0.01, momentum=0.9)
        self.first = None

    def epoch(self):
        order = torch.randperm(SAMPLES)
        for i in range(0, SAMPLES, 64):
            index = order[i:i + 64]
            loss = F.cross_entropy(self.model(self.x[index]), self.y[index])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            if self.first is None:
                self.first = loss.item()
        return loss.item()

    def measure(self, _seconds):
        start = time.perf_counter()
        last = self.epoch()
        rate = SAMPLES / (time.perf_counter() - start)
        return dict(samplesPerSecond=rate, lossFirst=self.first, lossLast=last)


class Latency:
    def __init__(self):
        self.model = mlp(784, 128, 10).eval()
        self.x = classes(1)[0]
        self.measure(WARM_UP_SECONDS)

    def measure(self, seconds):
        times = []
        end = time.perf_counter_ns() + seconds * 1e9
        with torch.inference_mode():
            now = time.perf_counter_ns()
            while now < end:
                self.model(self.x)
                after = time.perf_counter_ns()
                times.append(after - now)
                now = after
        times.sort()
        return dict(p50=times[len(times) // 2] / 1e3, p99=times[int(len(times) * .99)] / 1e3)


def build(workload):
    if workload == 'W8':
        return Latency()
    if workload == 'epoch':
        return Epoch()
    return Training(workload) if workload in ('W1', 'W2', 'W3', *families.FAMILIES) else None


say(engine=f'PyTorch {torch.__version__}')
tasks = {}
for line in sys.stdin:
    request = json.loads(line)
    torch.set_num_threads(request.get('threads', 1))
    workload = request['workload']
    if workload not in tasks:
        torch.manual_seed(0)
        tasks[workload] = build(workload)
    if tasks[workload] is None:
        say(unavailable='not written for PyTorch')
        continue
    answer = tasks[workload].measure(request['seconds'])
    say(**answer, rssMegabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
