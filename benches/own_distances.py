"""Own distances and inertia: this program beside numpy, torch and the plain read of the file, in the same run.

usage: benches/run own [--rounds N] [--rows N] [--dim D] [--k K1,K2,...] [--device cpu|gpu] [--data DIR] [--out FILE.json]

Rounds interleave: read, numpy, torch, one level, all levels, read, numpy, ... Medians are printed; the raw seconds of every
round go to --out. Files are in the page cache.
"""
import os
import threading

import numpy as np

import harness

CHUNK = 1024


def plain_read(data):
    """Reads the file once with positioned reads, each thread into its own reused buffer of 3 MiB."""
    path, block = data / "embeddings.npy", 3 << 20
    file = os.open(path, os.O_RDONLY)
    offsets = iter(range(0, os.path.getsize(path), block))
    lock = threading.Lock()

    def work():
        buffer = bytearray(block)
        while True:
            with lock:
                offset = next(offsets, None)
            if offset is None:
                return
            os.preadv(file, [buffer], offset)

    workers = [threading.Thread(target=work) for _ in range(harness.THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    os.close(file)


def with_numpy(task):
    """Chunks of rows of the map: difference, einsum, bincount in float64."""
    inertia = np.zeros(len(task.centroids))
    for chunk in task.chunks(CHUNK):
        labels = task.labels[chunk]
        difference = task.points[chunk] - task.centroids[labels]
        squared = np.einsum("ij,ij->i", difference, difference)
        inertia += np.bincount(labels, squared, minlength=len(inertia))
    return inertia.sum()


def with_torch(task):
    """The same with torch."""
    import torch

    points = torch.from_numpy(np.asarray(task.points))
    labels, centroids = torch.from_numpy(task.labels), torch.from_numpy(task.centroids)
    inertia = torch.zeros(len(centroids), dtype=torch.float64)
    for chunk in task.chunks(CHUNK):
        difference = points[chunk] - centroids[labels[chunk]]
        inertia.index_add_(0, labels[chunk], (difference * difference).sum(1).double())
    return inertia.sum().item()


PEERS = {"numpy": (lambda task: task, with_numpy), "torch": (lambda task: task, with_torch)}


def report(args, contestants):
    harness.print_setup(args, contestants)
    levels = f"{len(args.k)} levels"
    rows = [
        ("plain read of the file", "read", "work"),
        ("one level, the pass", "one", "evaluate"),
        (f"{levels}, the pass", "all", "evaluate"),
        ("one level, whole process", "one", "work"),
        (f"{levels}, whole process", "all", "work"),
        ("numpy, chunks, loop alone", "numpy", "work"),
        ("torch, chunks, loop alone", "torch", "work"),
    ]
    size = args.rows * args.dim * 4
    table = []
    for text, name, part in rows:
        if name not in contestants:
            continue
        value, least = contestants[name].median(part), min(contestants[name].times(part))
        over_read = value / contestants["read"].median()
        over_numpy = contestants["numpy"].median() / value if "numpy" in contestants else np.nan
        cells = [text, f"{value:.4f}", f"{least:.4f}", f"{size / value / 1e9:.1f}", f"{over_read:.2f}", f"{over_numpy:.2f}"]
        table.append([*cells, harness.megabytes(contestants[name])])
    header = ["work", "median s", "min s", "GB/s", "over plain read", "numpy's loop over it", "peak MB"]
    harness.print_table(header, table)
    ratio = contestants["all"].median("evaluate") / contestants["one"].median("evaluate")
    print(f"\n{levels} over one level (the pass): {ratio:.2f}")


def main():
    args = harness.arguments(__doc__, rounds=11, rows=200_000, dim=768, k=[1000, 300, 100, 30]).parse_args()
    if args.peer:
        harness.serve_peer(PEERS, args)
        return
    contestants = {"read": harness.here(plain_read)}
    contestants |= {name: harness.peer(__file__, name, args) for name in PEERS if name not in args.without}
    contestants["one"] = harness.program(args, ["--levels", "1", "--metrics", "inertia"], "inertia")
    contestants["all"] = harness.program(args, ["--metrics", "inertia"], "inertia")
    harness.measure(args, contestants)
    harness.agree(contestants, 1e-5)
    report(args, contestants)
    harness.save(args, contestants)


if __name__ == "__main__":
    main()
