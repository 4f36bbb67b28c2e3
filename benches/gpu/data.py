"""Makes the data of the benchmark: a mixture of k normal groups, with labels and stored centroids, as a hierarchy on disk.

usage: python data.py DIR ROWS DIM K1[,K2,...] [--groups NAME:K] [--cut NAME:ROWS:DIM]

Writes DIR/embeddings.npy (float32) and DIR/hier/levelL. `--groups` adds a second hierarchy NAME over the same points: K
clusters whose centroids are drawn points, labels at random. `--cut` writes DIR/NAME: the first ROWS and DIM columns of the
points, with the labels of level 1. NumPy fills blocks of rows on all threads. Each block has a seed of its own, so the data is
the same on every machine. Without NumPy, the standard library draws other numbers from the same distribution.
"""

import argparse
import array
import os
import pickle
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

try:
    import numpy
except ImportError:
    numpy = None

SEED = 1
BLOCK = 4096
# the standard library takes about a microsecond per value
MOST_WITHOUT_NUMPY = 5_000_000


def header(rows, dim):
    """The header of a .npy file of float32, [rows, dim]."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dim}), }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def save(path, rows, dim, blocks):
    """Writes a matrix block by block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(header(rows, dim))
        file.writelines(blocks)


def centres(k, dim):
    """One float32 row per group, as bytes."""
    if numpy:
        return numpy.random.default_rng(SEED).standard_normal((k, dim), dtype=numpy.float32).tobytes()
    draw = random.Random(SEED)
    return array.array("f", (draw.gauss(0, 1) for _ in range(k * dim))).tobytes()


def block_of(index, groups, dim, centroids):
    """The points of one block, as bytes: each point is its group's centre plus noise."""
    if numpy:
        noise = numpy.random.default_rng([SEED, index]).standard_normal((len(groups), dim), dtype=numpy.float32)
        noise += numpy.frombuffer(centroids, dtype=numpy.float32).reshape(-1, dim)[groups]
        return noise.tobytes()
    draw, centre = random.Random(SEED << 32 | index), array.array("f", centroids)
    return array.array("f", (centre[g * dim + c] + draw.gauss(0, 1) for g in groups for c in range(dim))).tobytes()


def blocks(labels, dim, centroids):
    """The blocks of all points in order. A few blocks per thread wait to be written."""
    threads = len(os.sched_getaffinity(0))
    firsts = range(0, len(labels), BLOCK)
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(firsts), 4 * threads):
            some = firsts[start : start + 4 * threads]
            yield from pool.map(lambda first: block_of(first // BLOCK, labels[first : first + BLOCK], dim, centroids), some)


def members(labels, k):
    """The rows of each group."""
    lists = [[] for _ in range(k)]
    for row, label in enumerate(labels):
        lists[label].append(row)
    return lists


def level(folder, dim, centroids, lists):
    """One level of a hierarchy. The members are a pickled list of lists, which needs no NumPy."""
    save(folder / "centroids.npy", len(lists), dim, [centroids])
    (folder / "sorted_clusters.pkl").write_bytes(pickle.dumps(lists, protocol=4))


def make(folder, rows, dim, ks):
    """Points, and a hierarchy whose upper levels group the lower clusters in turn. Returns the labels of level 1."""
    draw = random.Random(SEED)
    labels = [draw.randrange(ks[0]) for _ in range(rows)]
    centroids = centres(ks[0], dim)
    save(folder / "embeddings.npy", rows, dim, blocks(labels, dim, centroids))
    level(folder / "hier/level1", dim, centroids, members(labels, ks[0]))
    for number, (below, k) in enumerate(zip(ks, ks[1:]), start=2):
        parents = [list(range(cluster, below, k)) for cluster in range(k)]
        level(folder / f"hier/level{number}", dim, centroids[: 4 * dim * k], parents)
    return labels


def rows_of(path, rows, dim, wanted):
    """The wanted rows of a float32 matrix of shape [rows, dim], as bytes."""
    with open(path, "rb") as file:
        start = file.seek(0, os.SEEK_END) - 4 * dim * rows
        for row in wanted:
            file.seek(start + 4 * dim * row)
            yield file.read(4 * dim)


def second(folder, name, dim, rows, k):
    """A hierarchy of `k` clusters over the same points."""
    draw = random.Random(SEED + 1)
    chosen = sorted(draw.sample(range(rows), k))
    centroids = b"".join(rows_of(folder / "embeddings.npy", rows, dim, chosen))
    labels = [draw.randrange(k) for _ in range(rows)]
    level(folder / name / "level1", dim, centroids, members(labels, k))


def cut(folder, name, shape, rows, dim, labels, k):
    """The first `rows` rows and `dim` columns of the points, whose shape is `shape`, with their labels."""
    points = rows_of(folder / "embeddings.npy", *shape, range(rows))
    save(folder / name / "embeddings.npy", rows, dim, (row[: 4 * dim] for row in points))
    centroids = rows_of(folder / "hier/level1/centroids.npy", k, shape[1], range(k))
    level(folder / name / "hier/level1", dim, b"".join(row[: 4 * dim] for row in centroids), members(labels[:rows], k))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path)
    parser.add_argument("rows", type=int)
    parser.add_argument("dim", type=int)
    parser.add_argument("k", type=lambda text: [int(k) for k in text.split(",")])
    parser.add_argument("--groups", type=lambda text: text.split(":"))
    parser.add_argument("--cut", type=lambda text: text.split(":"))
    args = parser.parse_args()
    if numpy is None and args.rows * args.dim > MOST_WITHOUT_NUMPY:
        sys.exit(f"{args.rows:,} x {args.dim} need NumPy, which this Python lacks")
    labels = make(args.dir, args.rows, args.dim, args.k)
    if args.groups:
        second(args.dir, args.groups[0], args.dim, args.rows, int(args.groups[1]))
    if args.cut:
        name, rows, dim = args.cut
        cut(args.dir, name, (args.rows, args.dim), int(rows), int(dim), labels, args.k[0])


if __name__ == "__main__":
    main()
