"""Make digits.json: the figures of tests/data/digits by scikit-learn and SciPy, in float64.

usage: make.py [OUT.json]

Run in an environment with the versions of requirements.txt beside this file. Shares no code with the program: members
come from numpy.load, distances from sklearn.metrics.pairwise.paired_distances, entropy from scipy.stats.entropy.
"""
import json
import sys
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy.stats import entropy
from sklearn.metrics.pairwise import paired_distances

HERE = Path(__file__).parent
DIGITS = HERE.parent / "digits"


def gini(sizes):
    """Half the mean absolute difference of all pairs, over the mean (Gini 1912)."""
    return np.abs(sizes[:, None] - sizes[None, :]).mean() / (2 * sizes.mean())


def level_figures(points, labels, centroids):
    k = len(centroids)
    distances = paired_distances(points, centroids[labels], metric="euclidean")
    size = np.bincount(labels, minlength=k)
    inertia = np.bincount(labels, distances**2, minlength=k)
    full = size[size > 0].astype(float)
    return {
        "figures": {
            "points": len(points),
            "clusters": k,
            "empty_clusters": int((size == 0).sum()),
            "inertia": float(inertia.sum()),
            "average_inertia": float(inertia.sum() / k),
            "size_entropy": float(entropy(full) / np.log(len(full))),
            "size_gini": float(gini(full)),
            "largest_share": float(full.max() / full.sum()),
        },
        "clusters": {
            "size": size.tolist(),
            "inertia": inertia.tolist(),
            "mean_inertia": (inertia / size).tolist(),
            "mean_distance": (np.bincount(labels, distances, minlength=k) / size).tolist(),
            "max_distance": [float(distances[labels == c].max()) for c in range(k)],
        },
    }


def main():
    points = np.load(DIGITS / "embeddings.npy").astype(np.float64)
    labels = None
    levels = []
    for level in (1, 2, 3):
        folder = DIGITS / f"level{level}"
        centroids = np.load(folder / "centroids.npy").astype(np.float64)
        members = np.load(folder / "sorted_clusters.npy", allow_pickle=True)
        below = np.empty(sum(len(m) for m in members), dtype=np.int64)
        for cluster, rows in enumerate(members):
            below[rows.astype(np.int64)] = cluster
        labels = below if labels is None else below[labels]
        levels.append({"level": level, **level_figures(points, labels, centroids)})
    versions = {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__}
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "digits.json"
    out.write_text(json.dumps({"made_with": versions, "levels": levels}, indent=1) + "\n")


if __name__ == "__main__":
    main()
