"""Make agreement.json: measures of agreement by scikit-learn, of made tables and of the digits.

usage: make.py [OUT.json]

Run in an environment with the versions of ../golden/requirements.txt. Tables are kept as their cells, so that nobody has to
draw the same random numbers.
"""
import json
import sys
from pathlib import Path

import numpy as np
import scipy
import sklearn
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    homogeneity_completeness_v_measure,
    normalized_mutual_info_score,
)
from sklearn.metrics.cluster import contingency_matrix

HERE = Path(__file__).parent
DIGITS = HERE.parent / "digits"


def measures(clusters, labels):
    homogeneity, completeness, v_measure = homogeneity_completeness_v_measure(labels, clusters)
    return {
        "ari": adjusted_rand_score(labels, clusters),
        "ami": adjusted_mutual_info_score(labels, clusters),
        "nmi": normalized_mutual_info_score(labels, clusters),
        "v_measure": v_measure,
        "homogeneity": homogeneity,
        "completeness": completeness,
        "purity": contingency_matrix(labels, clusters).max(0).sum() / len(labels),
    }


def tables():
    """Pairs of label vectors: what is degenerate, what is alike, what is independent, of many and of few points."""
    draw = np.random.default_rng(0)
    yield "one point", [0], [0]
    yield "neither is divided", [0] * 5, [0] * 5
    yield "every point alone in both", range(6), reversed(range(6))
    yield "every point alone in one", range(12), [0] * 4 + [1] * 8
    yield "every point alone in the other", [0] * 4 + [1] * 8, range(12)
    yield "clusters divided, labels not", [0, 0, 1, 2, 2], [0] * 5
    yield "labels divided, clusters not", [0] * 5, [0, 0, 1, 2, 2]
    yield "crossed", [0, 0, 1, 1], [0, 1, 0, 1]
    yield "alike but for one", [0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1]
    yield "the same, renamed", [0, 0, 1, 2, 2, 2], [2, 2, 0, 1, 1, 1]
    yield "refined", [0, 0, 1, 1, 2, 2, 3, 3], [0, 0, 0, 0, 1, 1, 1, 1]
    for points, clusters, labels in [(20, 6, 4), (100, 10, 10), (300, 150, 7), (1000, 3, 40), (20_000, 12, 25)]:
        independent = draw.integers(clusters, size=points), draw.integers(labels, size=points)
        yield f"independent, {points} points", *independent
        # skewed sizes, and nine of ten points where their label says
        truth = np.minimum(draw.geometric(3 / labels, size=points), labels) - 1
        kept = draw.random(points) < 0.9
        yield f"alike, {points} points", np.where(kept, truth % clusters, draw.integers(clusters, size=points)), truth
    # counts rather than points: a million of them in some hundred cells
    truth = np.repeat(np.arange(9), draw.integers(1, 220_000, size=9))
    yield "a million points", (truth * 5 + draw.integers(4, size=len(truth))) % 13, truth


def cells(clusters, labels):
    pairs, counts = np.unique(np.stack([clusters, labels]), axis=1, return_counts=True)
    return [[int(c), int(l), int(n)] for c, l, n in zip(*pairs, counts)]


def made():
    for name, clusters, labels in tables():
        clusters, labels = np.array(list(clusters)), np.array(list(labels))
        yield {"name": name, "cells": cells(clusters, labels), "measures": measures(clusters, labels)}


def hierarchy():
    """The cluster of every row of the digits, level by level."""
    labels = None
    for number in (1, 2, 3):
        members = np.load(DIGITS / f"level{number}" / "sorted_clusters.npy", allow_pickle=True)
        below = np.empty(sum(map(len, members)), dtype=np.int64)
        for cluster, rows in enumerate(members):
            below[rows.astype(np.int64)] = cluster
        labels = below if labels is None else below[labels]
        yield number, labels, len(members)


def of_digits(keep):
    """What --labels gives for the digits, of the rows that are kept; the others have no label."""
    truth = np.load(DIGITS / "labels.npy").astype(np.int64)
    for number, clusters, k in hierarchy():
        table = np.zeros((k, 10), dtype=np.int64)
        np.add.at(table, (clusters[keep], truth[keep]), 1)
        # ties go to the label that comes first in the file, and the digits begin with 0 to 9
        points = table.sum(1)
        majority = [int(row.argmax()) if row.any() else None for row in table]
        purity = [row.max() / row.sum() if row.any() else None for row in table]
        yield {
            "level": number,
            "figures": {"labelled_points": int(keep.sum()), **measures(clusters[keep], truth[keep])},
            "clusters": {"labelled_points": points.tolist(), "purity": purity, "majority_label": majority},
        }


def between():
    """Level 1 of the digits, and the same with every third row moved (tests/compare does so too)."""
    _, clusters, k = next(hierarchy())
    rows = np.arange(len(clusters))
    return measures(clusters, np.where(rows % 3 == 0, rows * 7 % k, clusters))


def main():
    rows = np.arange(1797)
    values = {
        "made_with": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__},
        "tables": list(made()),
        "digits": list(of_digits(rows >= 0)),
        "digits_with_missing": list(of_digits((rows < 10) | (rows % 5 != 0))),
        "between": between(),
    }
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "agreement.json"
    as_number = lambda value: value.item()
    out.write_text(json.dumps(values, default=as_number, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main()
