"""Make digits.json: the figures of tests/data/digits by scikit-learn and SciPy, in float64.

usage: make.py [OUT.json]

Run in an environment with the versions of requirements.txt beside this file. Shares no code with the program: members
come from numpy.load, distances from SciPy, the silhouette, Davies-Bouldin and Calinski-Harabasz from scikit-learn.
"""
import json
import sys
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy.spatial.distance import cdist
from scipy.stats import entropy
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_samples
from sklearn.metrics.pairwise import paired_distances

HERE = Path(__file__).parent
DIGITS = HERE.parent / "digits"


class Level:
    """A level of the hierarchy: the cluster of every point, the stored centroids, the distances that figures need."""

    def __init__(self, points, labels, centroids, number):
        self.number, self.points, self.labels, self.centroids = number, points, labels, centroids
        self.k = len(centroids)
        self.size = np.bincount(labels, minlength=self.k)
        self.own = paired_distances(points, centroids[labels], metric="euclidean")
        self.inertia = self.sums(self.own**2)

    def sums(self, values):
        """The sum of a value of every point, per cluster."""
        return np.bincount(self.labels, values, minlength=self.k)

    def means(self, values):
        """The mean of a value of every point, per cluster."""
        return self.sums(values) / self.size


def gini(sizes):
    """Half the mean absolute difference of all pairs, over the mean (Gini 1912)."""
    return np.abs(sizes[:, None] - sizes[None, :]).mean() / (2 * sizes.mean())


def size_figures(level):
    full = level.size[level.size > 0].astype(float)
    figures = {
        "points": len(level.points),
        "clusters": level.k,
        "empty_clusters": int((level.size == 0).sum()),
        "size_entropy": entropy(full) / np.log(len(full)),
        "size_gini": gini(full),
        "largest_share": full.max() / full.sum(),
    }
    return figures, {"size": level.size}


def own_distance_figures(level):
    inertia = level.inertia.sum()
    return {"inertia": inertia, "average_inertia": inertia / level.k}, {
        "inertia": level.inertia,
        "mean_inertia": level.inertia / level.size,
        "mean_distance": level.means(level.own),
        "max_distance": np.array([level.own[level.labels == c].max() for c in range(level.k)]),
    }


def search_figures(level):
    """Needs every cluster non-empty: all of them are searched."""
    others = cdist(level.points, level.centroids)
    others[np.arange(len(level.points)), level.labels] = np.inf
    nearest = others.min(1)
    # A point as near to another centroid as to its own is misassigned or not by the last bit: no golden value.
    assert not np.any(np.isclose(nearest, level.own, rtol=1e-9, atol=0) & (nearest != level.own)), "a tie"
    larger = np.maximum(level.own, nearest)
    simplified = np.divide(nearest - level.own, larger, out=np.zeros_like(larger), where=larger > 0)
    misassigned = (nearest < level.own).astype(float)
    return {"simplified_silhouette": simplified.mean(), "misassigned": int(misassigned.sum())}, {
        "simplified_silhouette": level.means(simplified),
        "misassigned": level.sums(misassigned).astype(int),
    }


def centroid_figures(level):
    between = cdist(level.centroids, level.centroids)
    spread = level.means(level.own)
    ratios = np.zeros_like(between)
    np.divide(spread[:, None] + spread[None, :], between, out=ratios, where=between > 0)
    np.fill_diagonal(between, np.inf)
    return {"davies_bouldin": ratios.max(1).mean()}, {
        "nearest_cluster": between.argmin(1),
        "nearest_distance": between.min(1),
    }


def mean_figures(level):
    means = np.stack([level.points[level.labels == c].mean(0) for c in range(level.k)])
    within = paired_distances(level.points, means[level.labels]) ** 2
    total = cdist(level.points, level.points.mean(0)[None]) ** 2
    return {
        "davies_bouldin_means": davies_bouldin_score(level.points, level.labels),
        "calinski_harabasz": calinski_harabasz_score(level.points, level.labels),
        "explained_variance": 1 - within.sum() / total.sum(),
    }, {}


def silhouette_figures(level):
    samples = silhouette_samples(cdist(level.points, level.points), level.labels, metric="precomputed")
    return {"silhouette": samples.mean()}, {"silhouette": level.means(samples)}


def parent_figures(level, parent):
    """Shares of the parent's points and of its inertia."""
    if parent is None:
        nothing = [None] * level.k
        return {}, {"parent_points_share": nothing, "parent_inertia_share": nothing}
    to_parent = paired_distances(level.points, parent.centroids[parent.labels]) ** 2
    of = np.array([parent.labels[level.labels == c][0] for c in range(level.k)])
    return {}, {
        "parent_points_share": level.size / parent.size[of],
        "parent_inertia_share": level.sums(to_parent) / parent.inertia[of],
    }


def level_figures(level, parent):
    figures, clusters = {}, {}
    parts = [size_figures, own_distance_figures, search_figures, centroid_figures, mean_figures, silhouette_figures]
    for of_level, of_clusters in [*(part(level) for part in parts), parent_figures(level, parent)]:
        figures |= of_level
        clusters |= of_clusters
    return {
        "level": level.number,
        "figures": {name: np.asarray(value).item() for name, value in figures.items()},
        "clusters": {name: np.asarray(column).tolist() for name, column in clusters.items()},
    }


def read_levels(points):
    labels, levels = None, []
    for number in (1, 2, 3):
        folder = DIGITS / f"level{number}"
        centroids = np.load(folder / "centroids.npy").astype(np.float64)
        members = np.load(folder / "sorted_clusters.npy", allow_pickle=True)
        below = np.empty(sum(len(m) for m in members), dtype=np.int64)
        for cluster, rows in enumerate(members):
            below[rows.astype(np.int64)] = cluster
        labels = below if labels is None else below[labels]
        levels.append(Level(points, labels, centroids, number))
    return levels


def main():
    levels = read_levels(np.load(DIGITS / "embeddings.npy").astype(np.float64))
    made = [level_figures(level, parent) for level, parent in zip(levels, [*levels[1:], None])]
    versions = {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__}
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "digits.json"
    out.write_text(json.dumps({"made_with": versions, "levels": made}, indent=1) + "\n")


if __name__ == "__main__":
    main()
