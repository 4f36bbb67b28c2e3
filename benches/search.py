"""Top-2 search and the simplified silhouette: this program beside its peers and the plain sgemm, in one run.

usage: benches/run search [--rounds N] [--rows N] [--dim D] [--k K] [--device cpu|gpu] [--peer-rows N] [--without A,B]
                          [--data DIR] [--out FILE.json]

sgemm is numpy's product of the points with all centroids in chunks, and nothing else: the floor for contestants that search by it. The
peers compute the mean simplified silhouette, timed without loading; the program's time is its pass, reading included, and the
whole process. --peer-rows gives the peers only the first rows and multiplies their time, if all rows would take minutes.
"""
import numpy as np

import harness

CHUNK = 2048


def simplified_silhouette(task, nearest, squared):
    """The mean of (b' - a') / max(a', b') from two nearest centroids and own direct distances."""
    total = 0.0
    for chunk in task.chunks(CHUNK):
        labels = task.labels[chunk]
        difference = task.points[chunk] - task.centroids[labels]
        own = np.sqrt(np.einsum("ij,ij->i", difference, difference))
        first_is_own = nearest[chunk, 0] == labels
        other = np.sqrt(np.maximum(np.where(first_is_own, squared[chunk, 1], squared[chunk, 0]), 0))
        total += ((other - own) / np.maximum(other, own)).sum(dtype=np.float64)
    return total / len(task.points)


def sgemm(task):
    """Every product of a point with a centroid, and nothing else."""
    products = np.empty((CHUNK, len(task.centroids)), dtype=np.float32)
    for chunk in task.chunks(CHUNK):
        points = task.points[chunk]
        np.dot(points, task.centroids.T, out=products[: len(points)])
    return np.nan


def with_numpy(task):
    """sgemm, |c|^2 - 2 x.c, arg-min, and arg-min again without the first."""
    n, norms = len(task.points), np.einsum("ij,ij->i", task.centroids, task.centroids)
    nearest, squared = np.empty((n, 2), dtype=np.int64), np.empty((n, 2), dtype=np.float32)
    buffer = np.empty((CHUNK, len(norms)), dtype=np.float32)
    for chunk in task.chunks(CHUNK):
        points = task.points[chunk]
        scores = buffer[: len(points)]
        np.dot(points, task.centroids.T, out=scores)
        scores *= -2
        scores += norms
        every, of_points = np.arange(len(points)), np.einsum("ij,ij->i", points, points)
        for rank in range(2):
            nearest[chunk, rank] = best = scores.argmin(1)
            squared[chunk, rank] = scores[every, best] + of_points
            scores[every, best] = np.inf
    return simplified_silhouette(task, nearest, squared)


def with_torch(task):
    """torch.cdist in chunks and topk."""
    import torch

    points, centroids = torch.from_numpy(task.points), torch.from_numpy(task.centroids)
    found = [torch.cdist(points[chunk], centroids).topk(2, largest=False) for chunk in task.chunks(CHUNK)]
    nearest, distances = (torch.cat([part[i] for part in found]).numpy() for i in (1, 0))
    return simplified_silhouette(task, nearest, distances**2)


def with_faiss(task):
    """IndexFlatL2, k = 2."""
    import faiss

    index = faiss.IndexFlatL2(task.points.shape[1])
    index.add(task.centroids)
    squared, nearest = index.search(task.points, 2)
    return simplified_silhouette(task, nearest, squared)


def with_sklearn(task):
    """NearestNeighbors by brute force, two neighbours."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=2, algorithm="brute").fit(task.centroids)
    distances, nearest = search.kneighbors(task.points)
    return simplified_silhouette(task, nearest, distances**2)


PEERS = {
    "sgemm": (harness.Task.loaded, sgemm),
    "numpy": (harness.Task.loaded, with_numpy),
    "torch": (harness.Task.loaded, with_torch),
    "faiss": (harness.Task.loaded, with_faiss),
    "sklearn": (harness.Task.loaded, with_sklearn),
}


def report(args, contestants):
    harness.print_setup(args, contestants)
    rows = [
        ("plain sgemm, no search", "sgemm", "work"),
        ("this program, the pass", "program", "evaluate"),
        ("this program, whole process", "program", "work"),
        ("numpy, sgemm + arg-min twice", "numpy", "work"),
        ("torch.cdist + topk, chunks", "torch", "work"),
        ("faiss IndexFlatL2, k = 2", "faiss", "work"),
        ("scikit-learn NearestNeighbors", "sklearn", "work"),
    ]
    operations, ours = 2 * args.rows * args.dim * args.k[0], contestants["program"].median("evaluate")
    table = []
    for text, name, part in (row for row in rows if row[1] in contestants):
        contestant = contestants[name]
        value = contestant.median(part)
        if contestant.factor != 1.0:
            text += f" (time x {contestant.factor:g})"
        over_sgemm = f"{value / contestants['sgemm'].median():.2f}" if "sgemm" in contestants else ""
        # unknown for the pass alone
        processor = f"{contestant.median('processor'):.3f}" if part == "work" else ""
        shown = [f"{value:.3f}", f"{min(contestant.times(part)):.3f}", processor]
        cells = [text, *shown, f"{operations / value / 1e9:.0f}"]
        table.append([*cells, over_sgemm, f"{value / ours:.2f}", harness.megabytes(contestant)])
    header = ["work", "median s", "min s", "processor s", "GFLOP/s (2ndk)", "over sgemm", "over the program's pass", "peak MB"]
    harness.print_table(header, table)


def main():
    parser = harness.arguments(__doc__, rounds=7, rows=100_000, dim=256, k=[1000])
    parser.add_argument("--peer-rows", type=int, help="rows that the peers take; their time is multiplied")
    args = parser.parse_args()
    if args.peer:
        harness.serve_peer(PEERS, args)
        return
    options = ["--levels", "1", "--metrics", "simplified_silhouette,misassigned"]
    contestants = {
        name: harness.peer(__file__, name, args, args.peer_rows, args.rows) for name in PEERS if name not in args.without
    }
    contestants["program"] = harness.program(args, options, "simplified_silhouette")
    harness.measure(args, contestants)
    harness.agree(contestants, 1e-4)
    report(args, contestants)
    harness.save(args, contestants)


if __name__ == "__main__":
    main()
