"""One k-means: this program beside its peers, time and objective, in one run.

usage: benches/run kmeans [--rounds N] [--rows N] [--dim D] [--k K] [--iterations N] [--device cpu|gpu] [--on noise,mixture]
                          [--without A,B] [--data DIR] [--out FILE.json]

Peers get the points in memory and are timed without loading; the program's time is its k-means, reading included, and its
processor seconds are those of the whole process, which also assigns all points and writes the clustering. Each does the same
number of iterations from a start of its own; one contestant is scikit-learn's k-means++ on its own. The objective of each
contestant's centroids is computed in float64, by the same function for all. A mixture has 1.5 k normal groups of
unequal size that overlap a little; noise has none.
"""
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import harness

CHUNK = 4096


def make(path, kind, rows, dim, k):
    """Writes the points."""
    rng = np.random.default_rng(1)
    points = rng.standard_normal((rows, dim), dtype=np.float32)
    if kind == "mixture":
        groups = rng.standard_normal((3 * k // 2, dim), dtype=np.float32)
        shares = rng.dirichlet(np.full(len(groups), 2.0))
        points = 0.6 * points + groups[rng.choice(len(groups), rows, p=shares)]
    np.save(path, points.astype(np.float32))


def objective(points, centroids):
    """Sum of squared distances to the nearest centroid, by direct difference."""
    total, centroids = 0.0, centroids.astype(np.float64)
    norms = np.einsum("ij,ij->i", centroids, centroids)
    for first in range(0, len(points), CHUNK):
        chunk = points[first : first + CHUNK].astype(np.float64)
        nearest = (norms - 2 * chunk @ centroids.T).argmin(1)
        difference = chunk - centroids[nearest]
        total += np.einsum("ij,ij->", difference, difference)
    return total


def with_faiss(points, args):
    import faiss

    # all points, like the others: by default faiss takes 256 per cluster
    kmeans = faiss.Kmeans(points.shape[1], args.k[0], niter=args.iterations, seed=1, max_points_per_centroid=len(points))
    kmeans.train(points)
    return kmeans.centroids


def with_sklearn(points, args):
    from sklearn.cluster import KMeans

    kmeans = KMeans(args.k[0], init="random", n_init=1, max_iter=args.iterations, tol=0, random_state=1)
    return kmeans.fit(points).cluster_centers_


def sklearn_start(points, args):
    from sklearn.cluster import kmeans_plusplus

    return kmeans_plusplus(points, args.k[0], random_state=1)[0]


def with_superkmeans(points, args):
    from superkmeans import SuperKMeans

    exact = {"hierarchical": False, "sampling_fraction": 1.0, "early_termination": False}
    model = SuperKMeans(args.k[0], points.shape[1], iters=args.iterations, seed=1, **exact)
    return model.train(points)


PEERS = {
    "faiss": (with_faiss, "faiss-cpu Kmeans"),
    "sklearn": (with_sklearn, "scikit-learn KMeans, random start"),
    "superkmeans": (with_superkmeans, "superkmeans, not hierarchical"),
    "sklearn-start": (sklearn_start, "scikit-learn kmeans_plusplus, start alone"),
}

PROGRAM = {
    "random": ("random", "this program, random start"),
    "plus-plus": ("kmeans-plus-plus", "this program, k-means++"),
}


def serve_peer(args):
    """One call of a peer."""
    work, _ = PEERS[args.peer]
    points = np.load(args.data / f"{args.on[0]}.npy")
    start, cpu = time.perf_counter(), time.process_time()
    centroids = work(points, args)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "value": objective(points, centroids), "peak": peak}))


def run_peer(name, data, kind, args):
    command = [sys.executable, __file__, "--peer", name, "--data", data, "--on", kind, "--k", str(args.k[0])]
    environment = os.environ | {f"{pool}_NUM_THREADS": str(harness.THREADS) for pool in ("OMP", "OPENBLAS", "MKL")}
    text = subprocess.run(
        [*command, "--iterations", str(args.iterations)], check=True, stdout=subprocess.PIPE, env=environment
    ).stdout
    return json.loads(text.splitlines()[-1])


def run_program(name, data, kind, args):
    """The command itself, with everything it writes. Its own stages separate the start from the iterations."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "hier"
        command = [harness.PROGRAM, "--quiet", "kmeans", "--embeddings-path", data / f"{kind}.npy", "--out", out]
        command += ["--n-clusters", args.k[0], "--n-iters", args.iterations, "--init", PROGRAM[name][0], "--seed", 1]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        words = [str(word) for word in [*command, "--device", args.device, "--json"]]
        text = subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout
        whole = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        start, iterations, assigning = json.loads(text)["steps"][0]["seconds"]
        value = objective(np.load(data / f"{kind}.npy", mmap_mode="r"), np.load(out / "level1/centroids.npy"))
    seconds = start + iterations
    return {"seconds": seconds, "start": start, "assigning": assigning, "whole": whole, "cpu": cpu, "value": value}


def main():
    parser = harness.arguments(__doc__, rounds=3, rows=100_000, dim=256, k=[1000])
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--on", type=lambda text: text.split(","), default=["noise", "mixture"])
    args = parser.parse_args()
    if args.peer:
        serve_peer(args)
        return
    raw = {"rows": args.rows, "dim": args.dim, "k": args.k[0], "iterations": args.iterations, "threads": harness.THREADS}
    print(f"n = {args.rows:,}, d = {args.dim}, k = {args.k[0]:,}, {args.iterations} iterations, {harness.THREADS} threads")
    with tempfile.TemporaryDirectory() as scratch:
        data = args.data or Path(scratch)
        for kind in args.on:
            if not (data / f"{kind}.npy").exists():
                make(data / f"{kind}.npy", kind, args.rows, args.dim, args.k[0])
            runs = {name: (lambda n=name: run_program(n, data, kind, args)) for name in PROGRAM}
            runs |= {name: (lambda n=name: run_peer(n, data, kind, args)) for name in PEERS}
            seen = {name: [] for name in runs if name not in args.without}
            for _ in range(max(1, args.rounds)):
                for name, said in seen.items():
                    said.append(runs[name]())
            raw[kind] = seen
            texts = {name: text for name, (*_, text) in [*PROGRAM.items(), *PEERS.items()]}
            lowest = min(said[0]["value"] for said in seen.values())
            print(f"\n{kind}")
            cells = []
            for name, said in seen.items():
                median = {key: np.median([run[key] for run in said]) for key in ("seconds", "cpu")}
                start = f"{np.median([run['start'] for run in said]):.2f}" if name == "plus-plus" else ""
                least, value = min(run["seconds"] for run in said), said[0]["value"]
                cells.append([texts[name], f"{median['seconds']:.2f}", f"{least:.2f}", start, f"{median['cpu']:.2f}", f"{value:.6g}", f"{value / lowest - 1:+.2%}"])
            harness.print_table(["work", "median s", "min s", "of it start", "processor s", "objective", "above the lowest"], cells)
    if args.out:
        args.out.write_text(json.dumps(raw, indent=1) + "\n")


if __name__ == "__main__":
    main()
