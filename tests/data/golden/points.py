"""Make points.npy: what each point of tests/data/digits has, by scikit-learn and SciPy, in float64 rounded to float32.

usage: points.py [OUT.npy]

The array is [level, column, point]. Its columns are: the cluster with the nearest other centroid, how much farther that
centroid is than the own one, the simplified silhouette, the silhouette. Environment as for make.py.
"""
import sys
from pathlib import Path

import numpy as np
from make import DIGITS, HERE, read_levels
from scipy.spatial.distance import cdist
from sklearn.metrics import silhouette_samples


def columns(level):
    others = cdist(level.points, level.centroids)
    others[np.arange(len(level.points)), level.labels] = np.inf
    two = np.sort(others, axis=1)[:, :2]
    assert not np.any(np.isclose(two[:, 0], two[:, 1], rtol=1e-9, atol=0)), "a tie"
    margin = two[:, 0] - level.own
    larger = np.maximum(level.own, two[:, 0])
    simplified = np.divide(margin, larger, out=np.zeros_like(larger), where=larger > 0)
    silhouette = silhouette_samples(cdist(level.points, level.points), level.labels, metric="precomputed")
    return np.stack([others.argmin(1), margin, simplified, silhouette])


def main():
    levels = read_levels(np.load(DIGITS / "embeddings.npy").astype(np.float64))
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "points.npy"
    np.save(out, np.stack([columns(level) for level in levels]).astype(np.float32))


if __name__ == "__main__":
    main()
