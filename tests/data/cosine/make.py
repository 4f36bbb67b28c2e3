"""Make cosine.json: spherical k-means of the digits by FAISS, and their cosine silhouettes by scikit-learn.

usage: make.py                            writes cosine.json
       make.py CLUSTERING EMBEDDINGS      prints the silhouettes of any clustering

Run in an environment with the versions of requirements.txt beside this file; the second form needs no FAISS. Shares no code
with the program.
"""
import json
import pickle
import sys
from pathlib import Path

import numpy as np
import sklearn
from sklearn.metrics import silhouette_samples
from sklearn.preprocessing import normalize

HERE = Path(__file__).parent
DIGITS = HERE.parent / "digits"
CLUSTERS = 12
ITERATIONS = 40


def members_of(level):
    """The members of each cluster; of the last step where the level's own file is a broken link."""
    files = [level / "sorted_clusters.npy", *sorted(level.glob("step*/sorted_clusters.npy"), reverse=True)]
    broken = (OSError, ValueError, pickle.UnpicklingError)
    for file in files:
        try:
            return np.load(file, allow_pickle=True)
        except broken:
            continue
    raise FileNotFoundError(files[0])


def silhouettes(clustering, embeddings):
    """Of every level: the mean over the points, and over the points of each cluster."""
    points = np.load(embeddings).astype(np.float64)
    labels, levels = None, []
    while (folder := clustering / f"level{len(levels) + 1}").is_dir():
        members = members_of(folder)
        below = np.empty(sum(len(m) for m in members), dtype=np.int64)
        for cluster, rows in enumerate(members):
            below[np.asarray(rows, dtype=np.int64)] = cluster
        labels = below if labels is None else below[labels]
        samples = silhouette_samples(points, labels, metric="cosine")
        size = np.bincount(labels, minlength=len(members))
        sums = np.bincount(labels, samples, minlength=len(members))
        of_clusters = [sums[c] / size[c] if size[c] else None for c in range(len(members))]
        levels.append({"level": samples.mean(), "clusters": of_clusters})
    return levels


def spherical():
    """A k-means from given rows: the sum of cosines at the beginning of each iteration, and the clusters at the end."""
    import faiss

    points = normalize(np.load(DIGITS / "embeddings.npy").astype(np.float64)).astype(np.float32)
    first = np.arange(CLUSTERS) * (len(points) // CLUSTERS)
    kmeans = faiss.Kmeans(
        points.shape[1], CLUSTERS, niter=ITERATIONS, spherical=True, max_points_per_centroid=len(points), min_points_per_centroid=1
    )
    kmeans.train(points, init_centroids=points[first])
    _, labels = kmeans.index.search(points, 1)
    labels = labels[:, 0]
    # the same in float64: no label hangs on the rounding of FAISS
    exact, centroids = points.astype(np.float64), points[first].astype(np.float64)
    for _ in range(ITERATIONS):
        of = (exact @ centroids.T).argmax(1)
        centroids = normalize(np.stack([exact[of == c].mean(0) for c in range(CLUSTERS)]))
    assert np.array_equal((exact @ centroids.T).argmax(1), labels), "rounding decides a label"
    return {
        "faiss": faiss.__version__,
        "first": first.tolist(),
        "cosines": [float(cosines) for cosines in kmeans.obj],
        "labels": labels.tolist(),
    }


def main():
    if len(sys.argv) == 3:
        print(json.dumps(silhouettes(Path(sys.argv[1]), Path(sys.argv[2]))))
        return
    versions = {"numpy": np.__version__, "scikit-learn": sklearn.__version__}
    made = {
        "made_with": versions,
        "digits": silhouettes(DIGITS, DIGITS / "embeddings.npy"),
        "spherical": spherical(),
    }
    (HERE / "cosine.json").write_text(json.dumps(made, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
