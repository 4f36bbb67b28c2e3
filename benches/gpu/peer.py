"""Measures one family of peers on the same card. The points are on the card before the clock starts.

usage: python peer.py torch|flash DATA ROWS DIM K MANY ITERATIONS CUT_ROWS CUT_DIM [--on cpu]

Prints a line of JSON per measurement, as soon as it is made: the reader keeps them if this process runs out of time.
`--on cpu` is for trying the script itself where there is no card.
"""

import argparse
import json
import mmap
import pickle
import statistics
import time
import warnings
from pathlib import Path

import torch

CHUNK = 32768
TRUTH = 20_000


def say(**words):
    print(json.dumps(words), flush=True)


def first_line(error):
    return f"{type(error).__name__}: {error}".splitlines()[0][:120]


def matrix(path, rows, dim):
    """A float32 .npy file, mapped."""
    with open(path, "rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    return torch.frombuffer(mapped, dtype=torch.float32, offset=len(mapped) - 4 * rows * dim).view(rows, dim)


def labels(path, rows):
    """The cluster of each row, from the lists of members."""
    found = torch.empty(rows, dtype=torch.int64)
    for cluster, members in enumerate(pickle.loads(path.read_bytes())):
        found[torch.tensor(members, dtype=torch.int64)] = cluster
    return found


class Card:
    """Clock and data of one process."""

    def __init__(self, args):
        self.args, self.on, data = args, args.on, args.data
        self.points = matrix(data / "embeddings.npy", args.rows, args.dim).to(self.on)
        self.labels = labels(data / "hier/level1/sorted_clusters.pkl", args.rows).to(self.on)
        self.centroids = {
            "search": matrix(data / "hier/level1/centroids.npy", args.k, args.dim).to(self.on),
            "search-many": matrix(data / "many/level1/centroids.npy", args.many, args.dim).to(self.on),
        }
        self.cut = matrix(data / "cut/embeddings.npy", args.cut_rows, args.cut_dim).to(self.on)

    def wait(self):
        if self.on == "cuda":
            torch.cuda.synchronize()

    def seconds(self, work, rounds=3):
        """Median of some rounds after a warm-up, and what the work returned."""
        times, result = [], work()
        for _ in range(rounds):
            self.wait()
            start = time.perf_counter()
            result = work()
            self.wait()
            times.append(time.perf_counter() - start)
        return statistics.median(times), result

    def measure(self, row, peer, work, judge=None):
        """Prints one measurement, or why there is none."""
        try:
            seconds, result = self.seconds(work)
            more = judge(result) if judge else {}
            say(row=row, peer=peer, seconds=seconds, **more)
        except Exception as error:  # a peer may fail in any way; the table says how
            say(row=row, peer=peer, not_measured=first_line(error))
        if self.on == "cuda":
            torch.cuda.empty_cache()

    def wrong(self, row):
        """Returns a judge of winners. It measures the share of the first rows whose nearest centroid in float64 is another one."""

        def judge(winners):
            some = min(TRUTH, self.args.rows)
            truth = torch.cdist(self.points[:some].double(), self.centroids[row].double()).argmin(1)
            return {"wrong_winners": (winners[:some].long() != truth).double().mean().item()}

        return judge


def nearest(points, centroids, dtype):
    """The nearest centroid of every point by a matrix product, in chunks of rows."""
    norms, wide = (centroids.float() ** 2).sum(1), centroids.to(dtype).T
    chunks = (points[first : first + CHUNK].to(dtype) for first in range(0, len(points), CHUNK))
    return torch.cat([(norms - 2 * (chunk @ wide).float()).argmin(1) for chunk in chunks])


def top_two(points, centroids):
    """The two nearest centroids of every point by cdist."""
    chunks = (points[first : first + CHUNK] for first in range(0, len(points), CHUNK))
    return torch.cat([torch.cdist(chunk, centroids).topk(2, largest=False).indices for chunk in chunks])


def own_distances(points, centroids, labels):
    """The distance of every point to its own centroid."""
    chunks = (slice(first, first + CHUNK) for first in range(0, len(points), CHUNK))
    return torch.cat([(points[some] - centroids[labels[some]]).square().sum(1).sqrt() for some in chunks])


def lloyd(points, centroids, iterations, dtype):
    """A k-means: sums in float32, the search in `dtype`."""
    for _ in range(iterations):
        winners = nearest(points, centroids, dtype)
        sums = torch.zeros_like(centroids).index_add_(0, winners, points)
        counts = torch.bincount(winners, minlength=len(centroids))[:, None]
        centroids = torch.where(counts > 0, sums / counts.clamp(min=1), centroids)
    return centroids


def silhouette(points, labels, k):
    """Mean silhouette of all points, all pairs in chunks."""
    sizes, total = torch.bincount(labels, minlength=k).float(), 0.0
    for first in range(0, len(points), 2048):
        distances = torch.cdist(points[first : first + 2048], points)
        own = labels[first : first + 2048, None]
        sums = torch.zeros(len(own), k, device=points.device).index_add_(1, labels, distances)
        inner = (sums.gather(1, own) / (sizes[own] - 1).clamp(min=1))[:, 0]
        means = (sums / sizes).nan_to_num(nan=torch.inf).scatter(1, own, torch.inf)
        outer = means.min(1).values
        scores = (outer - inner) / torch.maximum(inner, outer)
        total += torch.where(sizes[own[:, 0]] > 1, scores, 0.0).double().sum().item()
    return total / len(points)


def floors(card):
    """The card's own limits: copies to it, and matrix products without a search."""
    if card.on == "cuda":
        here, there = torch.empty(256 << 20, dtype=torch.uint8), torch.empty(256 << 20, dtype=torch.uint8, device="cuda")
        pinned = here.pin_memory()
        say(
            floor="copy from pinned memory",
            rate=len(here) / card.seconds(lambda: there.copy_(pinned, non_blocking=True))[0] / 1e9,
            unit="GB/s",
        )
        say(floor="copy from pageable memory", rate=len(here) / card.seconds(lambda: there.copy_(here))[0] / 1e9, unit="GB/s")
    many = card.centroids["search-many"]
    for name, dtype, tf32 in (
        ("float32", torch.float32, False),
        ("tf32", torch.float32, True),
        ("float16", torch.float16, False),
    ):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        left, right = card.points[:131_072].to(dtype), many.to(dtype).T
        rate = 2.0 * left.shape[0] * left.shape[1] * right.shape[1] / card.seconds(lambda: left @ right)[0] / 1e12
        say(floor=f"torch matmul {name}", rate=rate, unit="TFLOP/s")
    torch.backends.cuda.matmul.allow_tf32 = False


def of_torch(card):
    points, args, first = card.points, card.args, card.centroids["search"]
    floors(card)
    card.measure(
        "own",
        "torch float32",
        lambda: own_distances(points, first, card.labels),
        lambda found: {"value": {"inertia": found.double().square().sum().item()}},
    )
    for row, centroids in card.centroids.items():
        for name, dtype in (("float32", torch.float32), ("float16", torch.float16)):
            card.measure(row, f"torch product + argmin {name}", lambda: nearest(points, centroids, dtype), card.wrong(row))
        card.measure(
            row, "torch cdist + topk float32", lambda: top_two(points, centroids), lambda found: card.wrong(row)(found[:, 0])
        )
    for name, dtype in (("float32", torch.float32), ("float16", torch.float16)):
        card.measure("kmeans", f"torch loop {name}", lambda: lloyd(points, points[: args.k].clone(), args.iterations, dtype))
    card.measure(
        "silhouette",
        "torch cdist + index_add float32",
        lambda: silhouette(card.cut, card.labels[: args.cut_rows], args.k),
        lambda mean: {"value": {"silhouette": mean}},
    )


def of_flash(card):
    # imported from these files, because the package silently uses torch if its kernels can't be imported
    from flash_kmeans.assign_euclid_triton import euclid_assign_triton
    from flash_kmeans.kmeans_triton_impl import batch_kmeans_Euclid

    args = card.args
    for name, dtype in (("float32", torch.float32), ("float16", torch.float16)):
        points = card.points.to(dtype)[None]
        norms = torch.cat([(chunk.float() ** 2).sum(-1) for chunk in points[0].split(CHUNK)])[None]
        for row, centroids in card.centroids.items():
            there = centroids.to(dtype)[None].contiguous()
            card.measure(
                row,
                f"flash-kmeans {name}",
                lambda: euclid_assign_triton(points, there, norms),
                lambda found: card.wrong(row)(found[0]),
            )
        start = points[:, : args.k].clone()
        card.measure(
            "kmeans",
            f"flash-kmeans {name}",
            lambda: batch_kmeans_Euclid(points, args.k, max_iters=args.iterations, tol=-1, init_centroids=start.clone()),
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("family", choices=("torch", "flash"))
    parser.add_argument("data", type=Path)
    for name in ("rows", "dim", "k", "many", "iterations", "cut_rows", "cut_dim"):
        parser.add_argument(name, type=int)
    parser.add_argument("--on", default="cuda")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    if args.on == "cuda" and not torch.cuda.is_available():
        say(not_measured="torch finds no CUDA device")
        return
    say(device=torch.cuda.get_device_name() if args.on == "cuda" else args.on)
    try:
        {"torch": of_torch, "flash": of_flash}[args.family](Card(args))
    except Exception as error:  # for instance too little memory, or no triton
        say(not_measured=first_line(error))


if __name__ == "__main__":
    main()
