"""Make embeddings and a hierarchy of random data in ssl-data-curation's layout.

usage: make_data.py DIR N D K1[,K2,...] [--dtype f2|f4|f8] [--seed S] [--spectrum flat|decaying]

Writes DIR/embeddings.npy [N, D] in blocks (never all in memory) and DIR/hier/levelL/{centroids,sorted_clusters}.npy.
Points are normal around K1 centres, and labels are the centres drawn. Upper levels group lower clusters at random. A decaying
spectrum has the variance 1/i in column i (from 1), of points and of centres, which are then as far apart as points.
"""
import argparse
from pathlib import Path

import numpy as np

BLOCK_BYTES = 64 << 20


def objects(lists):
    """An object array of int64 arrays, as upstream saves it."""
    out = np.empty(len(lists), dtype=object)
    for i, members in enumerate(lists):
        out[i] = np.asarray(members, dtype=np.int64)
    return out


def groups(labels, k):
    """The members of every cluster."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.searchsorted(labels[order], np.arange(1, k)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path)
    parser.add_argument("n", type=int)
    parser.add_argument("d", type=int)
    parser.add_argument("k", type=lambda text: [int(k) for k in text.split(",")])
    parser.add_argument("--dtype", default="f4")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--spectrum", choices=["flat", "decaying"], default="flat")
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    args.dir.mkdir(parents=True, exist_ok=True)

    scale, apart = np.ones(args.d, dtype=np.float32), np.float32(2)
    if args.spectrum == "decaying":
        scale, apart = np.arange(1, args.d + 1, dtype=np.float32) ** np.float32(-0.5), np.float32(1)
    centroids = rng.standard_normal((args.k[0], args.d), dtype=np.float32) * apart * scale
    labels = rng.integers(0, args.k[0], args.n)
    rows = max(1, BLOCK_BYTES // (4 * args.d))
    with open(args.dir / "embeddings.npy", "wb") as file:
        header = {"descr": "<" + args.dtype, "fortran_order": False, "shape": (args.n, args.d)}
        np.lib.format.write_array_header_1_0(file, header)
        for first in range(0, args.n, rows):
            block = labels[first : first + rows]
            points = rng.standard_normal((len(block), args.d), dtype=np.float32) * scale + centroids[block]
            points.astype("<" + args.dtype).tofile(file)

    for level, k in enumerate(args.k, start=1):
        folder = args.dir / "hier" / f"level{level}"
        folder.mkdir(parents=True, exist_ok=True)
        if level > 1:
            labels = rng.permutation(np.arange(len(centroids)) % k)
            centroids = np.stack([centroids[members].mean(0) for members in groups(labels, k)])
        np.save(folder / "centroids.npy", centroids)
        np.save(folder / "sorted_clusters.npy", objects(groups(labels, k)), allow_pickle=True)


if __name__ == "__main__":
    main()
