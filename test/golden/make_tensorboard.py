"""Writes tensorboard.json: the files that test/fixtures/tensorboard-run.mjs writes, and what TensorBoard's own reader finds in them.

With PyPI's tensorboard 2.21, after the library was built: python test/golden/make_tensorboard.py
Tests compare the library's files with these, and `npm run test:tensorboard` (--check) reads new ones.
"""

import base64
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

from google.protobuf import json_format, text_format
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader, RawEventFileLoader
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.projector import projector_config_pb2

here = pathlib.Path(__file__).parent


def number(value):
    return value if value == value else "NaN"


def histogram(h):
    return [h.min, h.max, h.num, h.sum, h.sum_squares, list(h.bucket_limit), list(h.bucket)]


def hparams_of(paths):
    parts = {}
    for event in itertools.chain(*(EventFileLoader(str(path)).Load() for path in paths)):
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "hparams":
                data = plugin_data_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content)
                parts[value.tag] = json_format.MessageToDict(data)
    return parts


def read_run(folder, paths):
    run = EventAccumulator(str(folder), size_guidance={}).Reload()
    tags = run.Tags()
    out = {"tags": {kind: sorted(found) if isinstance(found, list) else found for kind, found in tags.items()}}
    out["scalars"] = {t: [[e.wall_time, e.step, number(e.value)] for e in run.Scalars(t)] for t in tags["scalars"]}
    out["histograms"] = {
        t: [[e.step, histogram(e.histogram_value)] for e in run.Histograms(t)] for t in tags["histograms"]
    }
    out["images"] = {t: [[e.step, e.width, e.height] for e in run.Images(t)] for t in tags["images"]}
    out["texts"] = {
        t: [[e.step, [s.decode() for s in e.tensor_proto.string_val]] for e in run.Tensors(t)]
        for t in tags["tensors"]
        if t.endswith("/text_summary")
    }
    out["hparams"] = hparams_of(paths)
    if tags["graph"]:
        out["graph"] = [[n.name, n.op, list(n.input)] for n in run.Graph().node]
    out["records"] = sum(1 for path in paths for _ in RawEventFileLoader(str(path)).Load())
    return out


def read_folder(folder):
    files, runs = {}, {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.name.startswith("events.out.tfevents."):
            place = path.parent.relative_to(folder).as_posix()
            beside = sorted(path.parent.glob("events.out.tfevents.*"))
            runs[place] = read_run(path.parent, beside)
            name = f"{place}/events{beside.index(path) or ''}"
        files[name] = base64.b64encode(path.read_bytes()).decode()
    config = (folder / "projector_config.pbtxt").read_text()
    projector = text_format.Parse(config, projector_config_pb2.ProjectorConfig())
    return {"runs": runs, "projector": json_format.MessageToDict(projector), "files": files}


with tempfile.TemporaryDirectory() as name:
    subprocess.run(["node", str(here.parent / "fixtures" / "tensorboard-run.mjs"), name], check=True)
    found = read_folder(pathlib.Path(name))

target = here / "tensorboard.json"
if "--check" in sys.argv:
    want = json.loads(target.read_text())
    for key in ("runs", "projector"):
        if found[key] != want[key]:
            sys.exit(f"TensorBoard reads other {key}:\n{json.dumps(found[key])}\ninstead of\n{json.dumps(want[key])}")
    print(f"TensorBoard reads {sum(run['records'] for run in found['runs'].values())} records of {len(found['runs'])} runs")
else:
    target.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
