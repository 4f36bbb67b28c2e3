"""Make clusterings of tests/data/digits by faiss and scikit-learn as their users save them, and scores.json: the scores of
scikit-learn for each, in float64.

usage: make.py [FOLDER]

Run in an environment with the versions of requirements.txt beside this file. Another version or processor can give other
clusterings; the scores always belong to the files beside them.
"""
import json
import sys
from pathlib import Path

import faiss
import numpy as np
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

HERE = Path(__file__).parent
POINTS = np.load(HERE.parent / "digits" / "embeddings.npy")


def scores(labels):
    """Scores over the rows in a cluster. Inertia is around the means of the clusters."""
    kept = labels >= 0
    points, labels = POINTS[kept].astype(np.float64), labels[kept]
    means = {label: points[labels == label].mean(0) for label in np.unique(labels)}
    return {
        "unassigned": int((~kept).sum()),
        "clusters": len(means),
        "silhouette": silhouette_score(points, labels),
        "davies_bouldin": davies_bouldin_score(points, labels),
        "calinski_harabasz": calinski_harabasz_score(points, labels),
        "inertia": sum(((points[labels == label] - mean) ** 2).sum() for label, mean in means.items()),
    }


def with_noise(labels):
    """What scikit-learn says if noise is passed as it is: a cluster of its own."""
    points = POINTS.astype(np.float64)
    return {
        "silhouette": silhouette_score(points, labels),
        "davies_bouldin": davies_bouldin_score(points, labels),
        "calinski_harabasz": calinski_harabasz_score(points, labels),
    }


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    found = {}

    # faiss: the labels of index.search are int64, [n, 1]
    points = POINTS.astype(np.float32)
    kmeans = faiss.Kmeans(points.shape[1], 30, niter=10, seed=1)
    kmeans.train(points)
    _, labels = kmeans.index.search(points, 1)
    np.save(folder / "faiss.npy", labels)
    np.save(folder / "faiss_centroids.npy", kmeans.centroids)
    found["faiss"] = scores(labels.ravel())

    # scikit-learn: labels_ is int32
    kmeans = KMeans(12, n_init=1, random_state=0).fit(POINTS)
    np.save(folder / "sklearn.npy", kmeans.labels_)
    np.save(folder / "sklearn_centers.npy", kmeans.cluster_centers_)
    found["sklearn"] = scores(kmeans.labels_)

    # HDBSCAN: -1 is noise
    hdbscan = HDBSCAN(min_cluster_size=15, copy=True).fit(POINTS)
    np.save(folder / "hdbscan.npy", hdbscan.labels_)
    found["hdbscan"] = scores(hdbscan.labels_) | {"with_noise": with_noise(hdbscan.labels_)}

    # two cuts of one tree nest; three independent fits do not
    cuts = [AgglomerativeClustering(k).fit_predict(POINTS) for k in (40, 8)]
    np.save(folder / "nested.npy", np.stack(cuts, 1))
    found["nested"] = [scores(labels) for labels in cuts]
    fits = [KMeans(k, n_init=1, random_state=k).fit_predict(POINTS) for k in (60, 20, 7)]
    np.save(folder / "independent.npy", np.stack(fits, 1))
    found["independent"] = [scores(labels) for labels in fits]

    (folder / "scores.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
