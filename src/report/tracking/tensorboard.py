"""Writes the events of one clustrata run (JSON lines on standard input) as an event file of TensorBoard, in OUT/tensorboard.

clustrata starts it as `python -c THIS OUT OPTIONS` with the run's folder, and group, tags and name as JSON.
Messages for the user are on lines that begin with "clustrata: ".
Exit codes: 0 written, 1 not written, 69 this Python has no tensorboard. TensorFlow is neither needed nor loaded.
"""

import sys

# otherwise a folder named tensorboard in the working directory would be imported as the package
sys.path[:] = [path for path in sys.path if path]

import datetime
import io
import json
import os
import shlex
import shutil
import time

BEGIN, END = "events.out.tfevents.", ".clustrata"  # TensorBoard reads every file with tfevents in its name
LONGEST = 80  # characters of a list that is one hyperparameter
OF_ITERATION = ("level", "kmeans_step", "iteration")  # what an iteration belongs to


def say(text):
    print("clustrata: " + " ".join(text.splitlines()), flush=True)


try:
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.plugins.histogram import metadata as histogram
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.plugins.image import metadata as image
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb
    from tensorboard.plugins.text.summary_v2 import text_pb
    from tensorboard.summary.writer.record_writer import RecordWriter
    from tensorboard.util.tensor_util import make_tensor_proto
    import numpy as np
except Exception as error:  # besides a missing package, one that does not fit its protobuf
    say("no tensorboard in %s: %s" % (sys.executable, error))
    sys.exit(69)


def tensor(tag, values, dtype, metadata):
    """Only TensorFlow has functions for pictures, and for histograms of values that are counted already."""
    return summary_pb2.Summary(value=[{"tag": tag, "tensor": make_tensor_proto(values, dtype=dtype), "metadata": metadata}])


def hyperparameters(settings):
    """Numbers, texts, and short lists as texts; neither where a run is written nor where it is sent."""
    for key, value in settings.items():
        if isinstance(value, list):
            value = ",".join(map(str, value))
            value = value if 0 < len(value) <= LONGEST else None
        if isinstance(value, (bool, int, float, str)) and key not in ("out", "exp_dir") and not key.startswith("track"):
            yield key, value


def of_run(options, first, last, started):
    """Summaries of the run as a whole."""
    name, group = (options[key] or options["default_" + key] for key in ("name", "group"))
    belongs = {"job": first.get("job", "metrics"), "group": group, "tags": options["tags"], **first["inputs"]}
    # what was found in the inputs comes before settings of the same name
    values = dict(hyperparameters({**first["settings"], **belongs}))
    yield hparams_pb(values, trial_id="%s %s" % (name, first["id"]), start_time_secs=started)
    made = {"clustrata": first["version"], "command": shlex.join(first["command"]), "device_used": first["device"]}
    found = {"name": name, **belongs, **made, **(first["work"] or {}), "skipped_rows": last["skipped_rows"]}
    config = {**found, **first["settings"], **found}
    texts = (value if isinstance(value, str) else json.dumps(value) for value in config.values())
    # Markdown changes nothing in lines that are indented
    yield text_pb("config", "\n".join("    %s: %s" % line for line in zip(config, texts)))
    if last["warnings"]:
        yield text_pb("warnings", "\n".join("- `%s`" % text.replace("`", "'") for text in last["warnings"]))
    for stage, seconds in last["seconds"].items():
        yield scalar_pb("seconds/" + stage, seconds)


def picture(path):
    """Its width, its height, and the picture as PNG or JPEG, which every browser shows."""
    from PIL import Image

    with Image.open(path) as opened:
        opened.load()  # finds damage
        data = io.BytesIO()
        if opened.format not in ("PNG", "JPEG"):
            opened.save(data, "PNG")
            return (*opened.size, data.getvalue())
        with open(path, "rb") as file:
            return (*opened.size, file.read())


def pictures(out, events):
    """The pictures of one level: a summary for each end of the ranking, and one for the contact sheet."""
    shown = {}
    for event in events:
        try:
            file = picture(os.path.join(out, event["path"]))
        except Exception as error:  # no Pillow or no such picture: the rest is written anyway
            say("left out: %s: %s" % (event["path"], error))
            continue
        shown.setdefault(event.get("end", "contact-sheet"), []).append(file)
    for name, files in shown.items():
        widths, heights, data = zip(*files)
        size = [str(max(widths)).encode(), str(max(heights)).encode()]
        yield tensor("montages/" + name, [*size, *data], np.object_, image.create_summary_metadata(None, None))


def scalars(prefix, figures, about):
    return [scalar_pb(prefix + name, value, about.get(name)) for name, value in figures.items() if value is not None]


def steps(out, first, events):
    """Each step with its summaries: a level, or an iteration within a level of k-means."""
    about, before, files = {metric["name"]: metric["summary"] for metric in first.get("metrics", [])}, {}, {}
    for event in events:
        kind, step = event["event"], event["step"]
        if kind == "level":
            yield step, scalars("by_level/", event["figures"], about) + scalars("level%d/" % step, event["figures"], about)
        elif kind == "histogram":
            bins = list(zip(event["edges"], event["edges"][1:], event["counts"]))
            told = histogram.create_summary_metadata(None, about.get(event["figure"]))
            yield step, [tensor("histograms/" + event["figure"], bins, np.float64, told)]
        elif kind in ("iteration", "fitted"):
            begin = before.setdefault(event["level"], step - 1)
            figures = {key: value for key, value in event["figures"].items() if key not in OF_ITERATION}
            yield step - begin, scalars("kmeans/level%d/" % event["level"], figures, about)
        elif kind in ("montage", "sheet"):
            files.setdefault(step, []).append(event)
    for step, montages in files.items():
        yield step, pictures(out, montages)


def write(file, out, options):
    first, *events, last = (json.loads(line) for line in sys.stdin)
    started = datetime.datetime.fromisoformat(first["started"].replace("Z", "+00:00")).timestamp()
    writer = RecordWriter(file)
    writer.write(event_pb2.Event(wall_time=started, file_version="brain.Event:2").SerializeToString())
    for step, summaries in [(0, of_run(options, first, last, started)), *steps(out, first, events)]:
        for summary in summaries:
            writer.write(event_pb2.Event(wall_time=started, step=step, summary=summary).SerializeToString())


def main():
    out, options = sys.argv[1], json.loads(sys.argv[2])
    folder = os.path.join(out, "tensorboard")
    part = os.path.join(folder, "part" + END)
    name = "%s%010d.%d%s" % (BEGIN, time.time(), os.getpid(), END)
    try:
        os.makedirs(folder, exist_ok=True)
        with open(part, "wb") as file:
            write(file, out, options)
        earlier = [other for other in os.listdir(folder) if other.startswith(BEGIN) and other.endswith(END)]
        # under a new name, because a TensorBoard that is open would not read a file again
        os.replace(part, os.path.join(folder, name))
        for other in set(earlier) - {name}:
            os.remove(os.path.join(folder, other))
    except Exception as error:
        say("not written: %s: %s" % (type(error).__name__, error))
        return 1
    finally:
        if os.path.exists(part):
            os.remove(part)
    viewer = "tensorboard" if shutil.which("tensorboard") else shlex.quote(sys.executable) + " -m tensorboard.main"
    say("written to %s; look at it with: %s --logdir %s" % (folder, viewer, shlex.quote(out)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
