"""Shared by the benchmarks: data, running contestants in turn, peak memory, the table and the raw JSON.

A contestant is this program or a peer. Each measurement is a process of its own: the program as a user starts it, or the
benchmark's own script with `--peer NAME`, which loads its data, warms up on a few rows, times one call and prints the measurement.
So the peak memory belongs to one contestant, and no idle thread pool takes cores from the next. Rounds interleave all
contestants, so a change of the machine's speed affects all alike. The first round is a warm-up and not counted, except with
--rounds 0, which has no other.
"""
import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
PROGRAM = HERE.parent / "target/release/clustrata"
THREADS = len(os.sched_getaffinity(0))
WARM_UP_ROWS = 2048


@dataclass
class Seen:
    """One measurement: seconds by name, the value that contestants must agree on, peak memory in MB."""

    seconds: dict
    value: float
    peak: float
    device: dict | None = None


@dataclass
class Contestant:
    """One thing that is measured. `seconds` of a peer that takes only some rows are multiplied by `factor`."""

    run: object
    factor: float = 1.0
    seen: list = field(default_factory=list)

    def median(self, part="work"):
        return statistics.median(self.times(part))

    def times(self, part="work"):
        return [seen.seconds[part] * self.factor for seen in self.seen]

    def peak(self):
        return max(seen.peak for seen in self.seen)


class Task:
    """Input of the peers: embeddings, labels and stored centroids of level 1, all in memory (loading is not timed)."""

    def __init__(self, data, rows=None):
        self.points = np.load(data / "embeddings.npy", mmap_mode="c")[:rows]
        self.centroids = np.load(data / "hier/level1/centroids.npy")
        members = np.load(data / "hier/level1/sorted_clusters.npy", allow_pickle=True)
        labels = np.empty(sum(map(len, members)), dtype=np.int64)
        for cluster, rows_ in enumerate(members):
            labels[rows_] = cluster
        self.labels = labels[: len(self.points)]

    def loaded(self):
        """Embeddings copied from the map into memory."""
        self.points = np.array(self.points)
        return self

    def chunks(self, rows):
        """Slices of the rows."""
        return (slice(first, first + rows) for first in range(0, len(self.points), rows))


def arguments(doc, rounds, rows, dim, k):
    """The options that all benchmarks have, with their defaults."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--rows", type=int, default=rows)
    parser.add_argument("--dim", type=int, default=dim)
    parser.add_argument("--k", type=lambda text: [int(k) for k in text.split(",")], default=k)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--data", type=Path, help="keep the data here and reuse it")
    parser.add_argument("--out", type=Path, help="raw seconds as JSON")
    parser.add_argument("--without", type=lambda text: text.split(","), default=[], help="peers to leave out")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    return parser


def peer(script, name, args, rows=None, of=None):
    """A contestant that is `script --peer NAME`, over the first `rows` of `of` if all would take minutes."""
    command = [sys.executable, script, "--peer", name, "--data"]

    def run(data):
        environment = os.environ | {f"{pool}_NUM_THREADS": str(THREADS) for pool in ("OMP", "OPENBLAS", "MKL")}
        limit = ["--rows", str(rows or args.rows)]
        text = subprocess.run([*command, data, *limit], check=True, stdout=subprocess.PIPE, env=environment).stdout
        said = json.loads(text.splitlines()[-1])
        return Seen({"work": said["seconds"], "processor": said["processor"]}, said["value"], said["peak"])

    return Contestant(run, factor=of / rows if rows and of else 1.0)


def serve_peer(peers, args):
    """The other side of `peer`: runs one call and prints its measurement. Threads that wait in a loop count as working."""
    prepare, work = peers[args.peer]
    warm_up = prepare(Task(args.data, min(WARM_UP_ROWS, args.rows)))
    work(warm_up)
    task = prepare(Task(args.data, args.rows))
    start, processor = time.perf_counter(), time.process_time()
    value = work(task)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "processor": processor, "value": float(value), "peak": peak}))


def program(args, options, figure, clustering="hier"):
    """A contestant that is this program. Its seconds: the whole process, its processor time, and the stages of its record."""

    def run(data):
        out = data / "metrics"
        command = [PROGRAM, "metrics", data / clustering, "--embeddings", data / "embeddings.npy", "--out", out, "--force"]
        start = time.perf_counter()
        process = subprocess.Popen([*command, "--device", args.device, "--quiet", *options])
        _, status, usage = os.wait4(process.pid, 0)
        whole = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, f"the program exits with {process.returncode}"
        record = json.loads((out / "record.json").read_text())
        stages = {stage["name"]: stage["seconds"] for stage in record["stages"]}
        value = record["levels"][0]["figures"][figure]
        processor = usage.ru_utime + usage.ru_stime
        return Seen({"work": whole, "processor": processor, **stages}, value, usage.ru_maxrss / 1024, record["device"])

    return Contestant(run)


def here(work):
    """A contestant that is a function in this process, for contestants that compute nothing."""

    def run(data):
        start = time.perf_counter()
        work(data)
        return Seen({"work": time.perf_counter() - start}, np.nan, np.nan)

    return Contestant(run)


def measure(args, contestants):
    """Makes the data if it is missing, and runs all contestants in turn."""
    with tempfile.TemporaryDirectory() as scratch:
        data = args.data or Path(scratch)
        if not (data / "embeddings.npy").exists():
            ks = ",".join(map(str, args.k))
            subprocess.run([sys.executable, HERE / "make_data.py", data, str(args.rows), str(args.dim), ks], check=True)
        shape = np.load(data / "embeddings.npy", mmap_mode="r").shape
        assert shape == (args.rows, args.dim), f"{data} holds {shape}"
        for round_ in range(args.rounds + 1):
            for contestant in contestants.values():
                seen = contestant.run(data)
                if round_ or not args.rounds:
                    contestant.seen.append(seen)


def agree(contestants, tolerance):
    """Checks that all contestants that compute the metric over all rows find the same value."""
    values = {name: c.seen[-1].value for name, c in contestants.items() if c.factor == 1.0}
    values = {name: value for name, value in values.items() if not np.isnan(value)}
    reference = next(iter(values.values()))
    for name, value in values.items():
        assert abs(value - reference) <= tolerance * abs(reference), f"{name} finds {value} and not {reference}"


def device_of(contestants):
    """The device that the program used."""
    return next(seen.device for c in contestants.values() for seen in c.seen if seen.device)


def print_setup(args, contestants):
    """Prints the set-up, above the table."""
    size = args.rows * args.dim * 4
    device = device_of(contestants)
    print(f"n = {args.rows:,}, d = {args.dim}, k = {args.k}, float32, {size / 1e6:.0f} MB in the page cache,")
    print(f"{THREADS} threads, {max(1, args.rounds)} rounds, {platform.machine()} {platform.platform()}")
    print(f"device: {device['name']} [{device['backend']}, {device['api']}], tiles of {device['tile_rows']} rows\n")


def print_table(header, rows):
    """Prints a table in Markdown."""
    print("| " + " | ".join(header) + " |")
    print("|---" * len(header) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def megabytes(contestant):
    """Peak memory as a cell."""
    return "" if np.isnan(contestant.peak()) else f"{contestant.peak():,.0f}"


def save(args, contestants):
    """Saves raw seconds, values and memory, without paths of this machine."""
    if not args.out:
        return
    hidden = ("data", "out", "peer")
    raw = {
        "setup": {key: str(value) for key, value in vars(args).items() if key not in hidden} | {"threads": THREADS},
        "machine": platform.platform(),
        "device": device_of(contestants),
    }
    for name, contestant in contestants.items():
        raw[name] = {
            "factor": contestant.factor,
            "seconds": {part: contestant.times(part) for part in contestant.seen[0].seconds},
            "value": None if np.isnan(contestant.seen[-1].value) else contestant.seen[-1].value,
            "peak_mb": None if np.isnan(contestant.peak()) else contestant.peak(),
        }
    args.out.write_text(json.dumps(raw, indent=1) + "\n")
