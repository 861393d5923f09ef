"""MiniLM in PyTorch and transformers: a peer of ../minilm.js; the protocol is described in ../minilm_peer.js."""
import base64
import json
import os
import resource
import sys
import time


def say(**answer):
    print(json.dumps(answer), flush=True)


try:
    import torch
    import transformers
except ImportError as error:
    say(unavailable=str(error))
    sys.exit(0)

transformers.logging.set_verbosity_error()
torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
model = transformers.AutoModel.from_pretrained(sys.argv[1], local_files_only=True, dtype=torch.float32).eval()
tokenizer = transformers.AutoTokenizer.from_pretrained(sys.argv[1], local_files_only=True)
say(engine=f'PyTorch {torch.__version__}, transformers {transformers.__version__}')


def encode(ids, mask):
    with torch.inference_mode():
        hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
        there = mask.unsqueeze(2).float()
        return torch.nn.functional.normalize((hidden * there).sum(1) / there.sum(1))


def take(request):
    shape = (-1, request['length'])
    ids, mask = (torch.tensor(request[name]).view(shape) for name in ('ids', 'mask'))
    return list(zip(ids.split(request['batch']), mask.split(request['batch'])))


def measure(count):
    global place
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        encode(*batches[place % len(batches)])
        place += 1
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return dict(seconds=time.perf_counter() - start, cpuSeconds=time.process_time() - cpu, rssMegabytes=rss)


batches, place = [], 0
for line in sys.stdin:
    request = json.loads(line)
    if 'ids' in request:
        batches = take(request)
        say()
    elif 'batches' in request:
        say(**measure(request['batches']))
    elif 'texts' in request:
        given = tokenizer(request['texts'], truncation=True, padding='max_length', max_length=request['length'])
        say(ids=[i for row in given['input_ids'] for i in row])
    else:
        rows = encode(*batches[request['vectors']])
        say(vectors=base64.b64encode(rows.numpy().tobytes()).decode())
