"""Own distances and inertia: this program beside numpy, torch and the plain read of the file, in the same run.

usage: benches/run [--rounds N] [--rows N] [--dim D] [--k K1,K2,...] [--device cpu|gpu] [--data DIR] [--out FILE.json]

All rounds interleave: read, numpy, torch, one level, all levels, read, numpy, ... so that a change of the machine's
speed hits all alike. Medians are printed, raw seconds of every round go to --out. Files lie in the page cache.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
PROGRAM = HERE.parent / "target/release/clustrata"
CHUNK = 1024


def plain_read(path, threads):
    """Reads the file once with positioned reads, each thread into its own reused buffer of 3 MiB."""
    size, block = os.path.getsize(path), 3 << 20
    file = os.open(path, os.O_RDONLY)
    offsets = iter(range(0, size, block))
    lock = threading.Lock()

    def work():
        buffer = bytearray(block)
        while True:
            with lock:
                offset = next(offsets, None)
            if offset is None:
                return
            os.preadv(file, [buffer], offset)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    os.close(file)


class Task:
    """What the peers get: the embeddings as a map, labels and centroids of level 1 in memory (not timed)."""

    def __init__(self, data):
        self.points = np.load(data / "embeddings.npy", mmap_mode="r")
        self.centroids = np.load(data / "hier/level1/centroids.npy")
        members = np.load(data / "hier/level1/sorted_clusters.npy", allow_pickle=True)
        self.labels = np.empty(len(self.points), dtype=np.int64)
        for cluster, rows in enumerate(members):
            self.labels[rows] = cluster


def with_numpy(task):
    """Chunks of rows: difference, einsum, bincount in float64."""
    inertia = np.zeros(len(task.centroids))
    for first in range(0, len(task.points), CHUNK):
        labels = task.labels[first : first + CHUNK]
        difference = task.points[first : first + CHUNK] - task.centroids[labels]
        squared = np.einsum("ij,ij->i", difference, difference)
        inertia += np.bincount(labels, squared, minlength=len(inertia))
    return inertia.sum()


def with_torch(task):
    """The same with torch."""
    import torch

    points = torch.from_numpy(np.asarray(task.points))
    labels, centroids = torch.from_numpy(task.labels), torch.from_numpy(task.centroids)
    inertia = torch.zeros(len(centroids), dtype=torch.float64)
    for first in range(0, len(points), CHUNK):
        chunk = labels[first : first + CHUNK]
        difference = points[first : first + CHUNK] - centroids[chunk]
        inertia.index_add_(0, chunk, (difference * difference).sum(1).double())
    return inertia.sum().item()


def with_program(data, out, levels, device):
    """Whole process; gives its own account of the pass as well."""
    command = [PROGRAM, "metrics", data / "hier", "--embeddings", data / "embeddings.npy", "--out", out, "--force"]
    command += ["--device", device, "--levels", ",".join(map(str, levels)), "--quiet"]
    subprocess.run(command, check=True)
    record = json.loads((out / "record.json").read_text())
    stage = {stage["name"]: stage["seconds"] for stage in record["stages"]}
    return stage["evaluate"], record["levels"][0]["figures"]["inertia"], record["device"]


def seconds(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def measure(args, data):
    task = Task(data)
    levels = list(range(1, len(args.k) + 1))
    times = {name: [] for name in ("read", "numpy", "torch", "one", "one process", "all", "all process")}
    inertia, device = {}, None
    for round_ in range(args.rounds + 1):
        out = data / "metrics"
        took = {"read": seconds(lambda: plain_read(data / "embeddings.npy", args.threads))[0]}
        took["numpy"], inertia["numpy"] = seconds(lambda: with_numpy(task))
        took["torch"], inertia["torch"] = seconds(lambda: with_torch(task))
        took["one process"], (took["one"], inertia["one"], device) = seconds(
            lambda: with_program(data, out, [1], args.device))
        took["all process"], (took["all"], inertia["all"], device) = seconds(
            lambda: with_program(data, out, levels, args.device))
        if round_:  # the first one warms up
            for name, value in took.items():
                times[name].append(value)
    return times, inertia, device


def report(args, times, inertia, device):
    median = {name: statistics.median(values) for name, values in times.items()}
    reference = inertia["numpy"]
    for name, value in inertia.items():
        assert abs(value - reference) <= 1e-5 * reference, f"{name} computes another inertia: {value} != {reference}"
    size = args.rows * args.dim * 4
    print(f"n = {args.rows:,}, d = {args.dim}, k = {args.k}, float32, {size / 1e6:.0f} MB in the page cache,")
    print(f"{args.threads} threads, {args.rounds} rounds, {platform.machine()} {platform.platform()}")
    print(f"device: {device['name']} [{device['backend']}, {device['api']}], tiles of {device['tile_rows']} rows\n")
    rows = [
        ("plain read of the file", "read"),
        ("one level, the pass", "one"),
        (f"{len(args.k)} levels, the pass", "all"),
        ("one level, whole process", "one process"),
        (f"{len(args.k)} levels, whole process", "all process"),
        ("numpy, chunks, loop alone", "numpy"),
        ("torch, chunks, loop alone", "torch"),
    ]
    print("| work | median s | min s | GB/s | over plain read | numpy's loop over it |")
    print("|---|---|---|---|---|---|")
    for text, name in rows:
        value, least = median[name], min(times[name])
        print(f"| {text} | {value:.4f} | {least:.4f} | {size / value / 1e9:.1f} "
              f"| {value / median['read']:.2f} | {median['numpy'] / value:.2f} |")
    print(f"\n{len(args.k)} levels over one level (the pass): {median['all'] / median['one']:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--k", type=lambda text: [int(k) for k in text.split(",")], default=[1000, 300, 100, 30])
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--data", type=Path, help="keep the data here and use it again")
    parser.add_argument("--out", type=Path, help="raw seconds as JSON")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data = args.data or Path(scratch)
        if not (data / "embeddings.npy").exists():
            ks = ",".join(map(str, args.k))
            subprocess.run([sys.executable, HERE / "make_data.py", data, str(args.rows), str(args.dim), ks], check=True)
        times, inertia, device = measure(args, data)
    report(args, times, inertia, device)
    if args.out:
        setup = {key: str(value) for key, value in vars(args).items() if key not in ("data", "out")}
        raw = {"setup": setup, "machine": platform.platform(), "device": device, "seconds": times, "inertia": inertia}
        args.out.write_text(json.dumps(raw, indent=1) + "\n")


if __name__ == "__main__":
    main()
