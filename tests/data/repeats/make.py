"""Make repeats.json: objectives of scikit-learn's k-means on data with repeated rows.

usage: make.py [OUT.json]

Run in an environment with the versions of requirements.txt beside this file. For every data set there is one objective a
seed, 0 to 49, of KMeans(init="k-means++", n_init=1) with as many iterations as the test gives the program. Rows are stored
once each, with the order in which they are repeated.
"""
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

SEEDS = range(50)
ITERATIONS = 30


def data_set(name, seed, distinct, columns, blobs, repeats, clusters, shuffled):
    """Distinct rows around some blobs, each repeated."""
    random = np.random.default_rng(seed)
    centres = 10 * random.standard_normal((blobs, columns))
    rows = centres[random.integers(blobs, size=distinct)] + random.standard_normal((distinct, columns))
    rows = np.unique(np.round(rows, 2).astype(np.float32), axis=0)
    order = np.repeat(np.arange(len(rows)), repeats if np.isscalar(repeats) else repeats(random, len(rows)))
    if shuffled:
        random.shuffle(order)
    points = rows[order].astype(np.float64)
    objectives = []
    for number in SEEDS:
        model = KMeans(clusters, init="k-means++", n_init=1, max_iter=ITERATIONS, tol=0, random_state=number)
        labels = model.fit(points).predict(points)
        objectives.append(float(((points - model.cluster_centers_[labels]) ** 2).sum()))
    one = float(((points - points.mean(axis=0)) ** 2).sum())
    return {
        "name": name,
        "rows": [[float(f"{value:.2f}") for value in row] for row in rows],
        "order": order.tolist(),
        "clusters": clusters,
        "one_cluster": one,
        "objectives": objectives,
    }


def main():
    warnings.simplefilter("ignore", ConvergenceWarning)
    sets = [
        data_set("100 rows, 10 times each", 1, 100, 4, 25, 10, 80, shuffled=False),
        data_set("300 rows, 10 times each, shuffled", 2, 300, 4, 60, 10, 250, shuffled=True),
        data_set("120 rows, some far more often", 3, 120, 8, 20, lambda r, n: r.zipf(1.7, n).clip(1, 200), 40, shuffled=True),
        data_set("60 rows, 20 times each, few clusters", 4, 60, 2, 12, 20, 24, shuffled=True),
    ]
    made = {"scikit-learn": sklearn.__version__, "numpy": np.__version__, "iterations": ITERATIONS, "sets": sets}
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "repeats.json"
    out.write_text(json.dumps(made, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main()
