"""The exact silhouette: this program beside scikit-learn, numpy and torch, in one run.

usage: benches/run silhouette [--rounds N] [--rows N] [--dim D] [--k K] [--device cpu|gpu] [--without A,B]
                              [--data DIR] [--out FILE.json]

Peers are timed without loading; the program's time is its stage `silhouette` and the whole process. At n = 100,000
scikit-learn takes minutes: use --rounds 0 there. numpy and torch sort the rows by label, so that the sum over a cluster
is the sum over a segment, roughly as one would write it by hand.
"""
import numpy as np

import harness

CHUNK = 1024


def by_label(task):
    """Rows sorted by label, in memory; clusters without a row are left out."""
    order = np.argsort(task.labels, kind="stable")
    task.points, task.labels = task.points[order], np.unique(task.labels[order], return_inverse=True)[1]
    task.sizes = np.bincount(task.labels)
    task.starts = np.concatenate([[0], np.cumsum(task.sizes)[:-1]])
    return task


def mean_silhouette(task, chunk, sums):
    """Sum of the silhouettes of a chunk's rows from their sums of distances to every cluster."""
    labels, every = task.labels[chunk], np.arange(len(sums))
    sizes = task.sizes[labels]
    own = sums[every, labels] / np.maximum(sizes - 1, 1)
    means = sums / task.sizes
    means[every, labels] = np.inf
    other = means.min(1)
    return np.where(sizes > 1, (other - own) / np.maximum(other, own), 0.0).sum(dtype=np.float64)


def with_numpy(task):
    """sgemm, square root, and np.add.reduceat over the segments of equal labels."""
    norms = np.einsum("ij,ij->i", task.points, task.points)
    total = 0.0
    for chunk in task.chunks(CHUNK):
        squared = task.points[chunk] @ task.points.T
        squared *= -2
        squared += norms
        squared += norms[chunk, None]
        np.maximum(squared, 0, out=squared)
        np.sqrt(squared, out=squared)
        total += mean_silhouette(task, chunk, np.add.reduceat(squared, task.starts, axis=1))
    return total / len(task.points)


def with_torch(task):
    """torch.cdist in chunks and a sum by label."""
    import torch

    points, labels = torch.from_numpy(task.points), torch.from_numpy(task.labels)
    total = 0.0
    for chunk in task.chunks(CHUNK):
        distances = torch.cdist(points[chunk], points)
        sums = torch.zeros(len(distances), len(task.sizes)).index_add_(1, labels, distances)
        total += mean_silhouette(task, chunk, sums.numpy())
    return total / len(task.points)


def with_sklearn(task):
    """silhouette_samples."""
    from sklearn.metrics import silhouette_samples

    return silhouette_samples(task.points, task.labels).mean()


PEERS = {
    "numpy": (by_label, with_numpy),
    "torch": (by_label, with_torch),
    "sklearn": (harness.Task.loaded, with_sklearn),
}


def report(args, contestants):
    harness.print_setup(args, contestants)
    rows = [
        ("this program, the stage", "program", "silhouette"),
        ("this program, whole process", "program", "work"),
        ("numpy, sgemm + reduceat, chunks", "numpy", "work"),
        ("torch.cdist + index_add, chunks", "torch", "work"),
        ("scikit-learn silhouette_samples", "sklearn", "work"),
    ]
    pairs, ours = args.rows * (args.rows - 1) / 2, contestants["program"].median("silhouette")
    table = []
    for text, name, part in (row for row in rows if row[1] in contestants):
        value = contestants[name].median(part)
        cells = [text, f"{value:.3f}", f"{min(contestants[name].times(part)):.3f}", f"{pairs / value / 1e6:.0f}"]
        table.append([*cells, f"{value / ours:.2f}", harness.megabytes(contestants[name])])
    header = ["work", "median s", "min s", "million pairs/s", "over the program's stage", "peak MB"]
    harness.print_table(header, table)


def main():
    args = harness.arguments(__doc__, rounds=5, rows=20_000, dim=256, k=[1000]).parse_args()
    if args.peer:
        harness.serve_peer(PEERS, args)
        return
    options = ["--levels", "1", "--metrics", "silhouette", "--silhouette", "exact", "--yes"]
    contestants = {name: harness.peer(__file__, name, args) for name in PEERS if name not in args.without}
    contestants["program"] = harness.program(args, options, "silhouette")
    harness.measure(args, contestants)
    harness.agree(contestants, 1e-4)
    report(args, contestants)
    harness.save(args, contestants)


if __name__ == "__main__":
    main()
