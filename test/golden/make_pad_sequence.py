# Padded sequences of nn.utils.rnn.pad_sequence. Run: python test/golden/make_pad_sequence.py
import json
from pathlib import Path

import torch
from torch.nn.utils.rnn import pad_sequence

torch.manual_seed(0)
rows = []
for rest in ([], [2], [2, 3]):
    for lengths in ([3, 1, 2], [2], [1, 1], [0, 2]):
        sequences = [torch.randn(length, *rest) for length in lengths]
        for batch_first in (False, True):
            for side in ("left", "right"):
                padded = pad_sequence(sequences, batch_first, -1.5, padding_side=side)
                rows.append(
                    {
                        "sequences": [{"shape": list(s.shape), "data": s.flatten().tolist()} for s in sequences],
                        "batchFirst": batch_first,
                        "paddingSide": side,
                        "shape": list(padded.shape),
                        "data": padded.flatten().tolist(),
                    }
                )
Path(__file__).with_name("pad_sequence.json").write_text(json.dumps(rows) + "\n")
