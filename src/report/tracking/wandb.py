"""Sends the events of one clustrata run (JSON lines on standard input) to Weights & Biases.

clustrata starts it as `python -c THIS OUT OPTIONS` with the run's folder, and project, group, tags, name and seconds as JSON.
Messages for the user are on lines that begin with "clustrata: ".
Exit codes: 0 sent or kept for `wandb sync`, 1 not sent, 69 this Python has no wandb.
"""

import sys

# otherwise a folder named wandb in the working directory would be imported as the package
sys.path[:] = [path for path in sys.path if path]

import csv
import heapq
import itertools
import json
import os

MOST_IMAGES = 108  # W&B's limit per key
MOST_ROWS = 10_000  # most rows of a table that W&B shows
NO_WANDB = 69


def say(text):
    print("clustrata: " + text, flush=True)


def settings(wandb, seconds):
    """No machine statistics, none of the user's code, and a timeout that notices a missing network in time."""
    wanted = {
        "console": "off",
        "disable_code": True,
        "disable_git": True,
        "init_timeout": max(2.0, 0.7 * seconds),
        "x_disable_stats": True,
    }
    known = getattr(wandb.Settings, "model_fields", {})
    return wandb.Settings(**{name: value for name, value in wanted.items() if name in known})


def begin(wandb, out, options, event):
    config = {**event["settings"], **event["inputs"], **(event.get("work") or {})}
    config.update(clustrata=event["version"], device_used=event["device"], command=event["command"])
    return wandb.init(
        project=options["project"] or os.environ.get("WANDB_PROJECT", "clustrata"),
        group=options["group"] or os.environ.get("WANDB_RUN_GROUP", options["default_group"]),
        tags=options["tags"] or None,
        name=options["name"] if options["name"] else os.environ.get("WANDB_NAME", options["default_name"]),
        # a run that is sent again keeps its identity
        id=os.environ.get("WANDB_RUN_ID", event["id"]),
        resume=os.environ.get("WANDB_RESUME", "allow"),
        dir=os.environ.get("WANDB_DIR", out),
        config=config,
        job_type=os.environ.get("WANDB_JOB_TYPE", event.get("job", "metrics")),
        settings=settings(wandb, options["seconds"]),
    )


def number(text):
    """The number in a text, or None."""
    try:
        return float(text) if set(text) & set(".eE") else int(text)
    except ValueError:
        return None


def table(wandb, out, event):
    """All clusters, or the lowest and highest by the ranking metric if there are too many."""

    def rows():
        with open(os.path.join(out, event["path"]), newline="", encoding="utf-8") as file:
            yield from csv.reader(file)

    # W&B refuses columns that mix numbers and texts, so a single text turns its whole column into texts
    names = {at for row in itertools.islice(rows(), 1, None) for at, text in enumerate(row) if text and number(text) is None}

    def cell(at, text):
        return None if not text else text if at in names else number(text)

    def clusters():
        return ([cell(at, text) for at, text in enumerate(row)] for row in itertools.islice(rows(), 1, None))

    columns = next(rows())
    if event["clusters"] <= MOST_ROWS:
        return wandb.Table(columns=columns, data=list(clusters()))
    by = columns.index(event["ranked_by"])

    def ranked(choose):
        defined = (row for row in clusters() if row[by] is not None)
        return choose(MOST_ROWS // 2, defined, key=lambda row: row[by])

    return wandb.Table(columns=columns, data=ranked(heapq.nsmallest) + ranked(heapq.nlargest)[::-1])


def pictures(wandb, montages):
    """W&B shows all pictures of a key in the size of the first, so all are padded to the size of the largest."""
    from PIL import Image

    images = [(Image.open(path).convert("RGB"), caption) for path, caption in montages[:MOST_IMAGES]]
    size = tuple(max(image.size[side] for image, _ in images) for side in (0, 1))
    padded = []
    for image, caption in images:
        page = Image.new("RGB", size, "white")
        page.paste(image)
        padded.append(wandb.Image(page, caption=caption))
    return padded


def defined(figures):
    return {name: value for name, value in figures.items() if value is not None}


def row_of(wandb, out, events):
    """The values that are logged for a level, or for an iteration of k-means."""
    row, montages = {}, {}
    for event in events:
        kind = event["event"]
        if kind in ("level", "iteration", "fitted"):
            row.update(defined(event["figures"]))
        elif kind == "histogram":
            row["histograms/" + event["figure"]] = wandb.Histogram(np_histogram=(event["counts"], event["edges"]))
        elif kind == "clusters":
            row["tables/clusters-level%d" % event["step"]] = table(wandb, out, event)
        elif kind == "montage":
            caption = "level {step}, {end} {rank}: cluster {cluster}".format(**event)
            montages.setdefault("montages/" + event["end"], []).append((os.path.join(out, event["path"]), caption))
        elif kind == "sheet":
            caption = "level {step}: one member of each cluster, from best to worst".format(**event)
            montages["montages/contact-sheet"] = [(os.path.join(out, event["path"]), caption)]
    for key, files in montages.items():
        try:
            row[key] = pictures(wandb, files)
        except (ImportError, OSError) as error:  # no Pillow or no such picture: the metrics are sent anyway
            say("left out: %s: %s" % (key, error))
    return row


def send(wandb, out, options):
    events = [json.loads(line) for line in sys.stdin]
    first, last = events[0], events[-1]
    run = begin(wandb, out, options, first)
    for step, of_step in itertools.groupby(events[1:-1], key=lambda event: event["step"]):
        run.log(row_of(wandb, out, of_step), step=step)
    run.summary.update(defined(last["figures"]))
    run.summary.update({"seconds/" + stage: seconds for stage, seconds in last["seconds"].items()})
    run.summary.update({"skipped_rows": last["skipped_rows"], "warnings": last["warnings"]})
    run.finish()
    if run.url:
        say("sent to " + run.url)
    elif getattr(run.settings, "mode", None) == "disabled":
        say("not sent, because WANDB_MODE is disabled")
    else:
        say("kept in {0}; send it with: wandb sync {0}".format(os.path.dirname(run.dir)))


def main():
    out, options = sys.argv[1], json.loads(sys.argv[2])
    for name in [name for name, value in os.environ.items() if name.startswith("WANDB_") and not value]:
        del os.environ[name]  # wandb rejects an empty variable or takes it for a value
    # tables and pictures wait for `wandb sync` in the run's folder, not in the user's home
    os.environ.setdefault("WANDB_DATA_DIR", os.path.join(os.environ.get("WANDB_DIR", out), "wandb"))
    try:
        import wandb
    except ImportError as error:
        say("no wandb in %s: %s" % (sys.executable, error))
        return NO_WANDB
    try:
        send(wandb, out, options)
    except Exception as error:
        say("not sent: %s: %s" % (type(error).__name__, " ".join(str(error).split())))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
