"""All metrics of the carried data against stored values that other programs computed."""

from __future__ import annotations

import json
import re
import shutil
import sys

from .steps import NotMeasured, failure, reason

LIMIT = 40
EXACT = ("points", "clusters", "empty_clusters", "size", "misassigned", "nearest_cluster")
SUMS = ("inertia", "average_inertia", "mean_inertia", "mean_distance", "max_distance", "nearest_distance")


def tolerance(metric):
    """Relative tolerance: none for counts and indices, 1e-6 for sums and means, 1e-5 for ratios."""
    return 0.0 if metric in EXACT else 1e-6 if metric in SUMS else 1e-5


def agrees(got, want, allowed, scale=0.0):
    """Whether a metric agrees; a sum that is nearly zero is compared with the scale of its level. Comparing NaN is false."""
    if want is None or got is None:
        return want is None and got is None
    return abs(got - want) <= allowed * max(abs(want), 1e-6 * scale)


def compare(record, golden):
    """Number of values compared, and a description of each that is off."""
    compared, off = 0, []
    if len(record["levels"]) != len(golden["levels"]):
        return 1, [f"{len(record['levels'])} levels instead of {len(golden['levels'])}"]
    for got, want in zip(record["levels"], golden["levels"]):
        pairs = [(name, got["figures"].get(name), value, 0.0) for name, value in want["figures"].items()]
        mean = want["figures"]["inertia"] / want["figures"]["points"]
        for name, column in want["clusters"].items():
            scale = mean if name.endswith("inertia") else 0.0
            pairs += [(f"{name}[{c}]", got["clusters"][name][c], value, scale) for c, value in enumerate(column)]
        for name, found, value, scale in pairs:
            compared += 1
            if not agrees(found, value, tolerance(name.split("[")[0]), scale):
                off.append(f"level {want['level']}, {name}: {found!r} instead of {value!r}")
    return compared, off


def evaluate(place, budget, environment, clustering, points, out, device):
    """Every metric and every own distance, into `out`."""
    shutil.rmtree(out, ignore_errors=True)
    words = ["metrics", clustering, "-e", points, "-o", out, "--metrics", "all", "--silhouette", "exact", "--distances", "own"]
    words += ["--map", "none", "--yes", "--quiet", "--device", device]
    ended = budget.command([place.program, *words], LIMIT, environment)
    if ended.code != 0:
        raise failure("clustrata metrics", ended)


def golden(place, budget, environment, out, device):
    """The digits of this repository against scikit-learn's values. Needs the standard library alone."""
    digits = place.folder / "tests/data/digits"
    evaluate(place, budget, environment, digits, digits / "embeddings.npy", out, device)
    wanted = json.loads((place.folder / "tests/data/golden/digits.json").read_text())
    compared, off = compare(json.loads((out / "record.json").read_text()), wanted)
    return {"compared": compared, "off": len(off), "first": off[:3]}


def oracle(place, budget, environment, name, out, device):
    """One carried clustering against its oracle, by the script that came with the data."""
    folder = place.folder / "data" / name
    points = place.folder / "data" / place.facts["stored"][name]["points"]
    evaluate(place, budget, environment, folder / "hier", points, out, device)
    script = place.folder / "check_metrics.py"
    ended = budget.command([sys.executable, script, out, folder, "--full", "--own"], LIMIT)
    lines = ended.out.strip().splitlines() or [ended.why()]
    good = re.fullmatch(r"(\d+) figures agree, worst relative error (\S+)", lines[-1])
    bad = re.fullmatch(r"(\d+) of (\d+) figures off", lines[-1])
    if ended.code == 0 and good and int(good[1]) > 0:
        return {"compared": int(good[1]), "off": 0, "worst": float(good[2])}
    if bad:
        return {"compared": int(bad[2]), "off": int(bad[1]), "first": lines[:3]}
    raise NotMeasured(
        "check_metrics.py needs NumPy" if "numpy" in ended.error else f"check_metrics.py: {lines[-1][:120]}",
        failed="numpy" not in ended.error,
    )


def stored(place, budget, environment, scratch, devices, most):
    """Every packed set on every device: the number of values compared and off, or why there is none. `devices` and `most`
    (the most points of a set) have an entry per side: gpu and cpu."""
    found = {}
    for name, about in {"golden digits": {"rows": 0}, **place.facts["stored"]}.items():
        for side, device in devices.items():
            try:
                if about["rows"] > most[side]:
                    raise NotMeasured(f"{about['rows']:,} points take a software rasterizer too long")
                if name == "golden digits":
                    seen = golden(place, budget, environment, scratch / "stored", device)
                else:
                    seen = oracle(place, budget, environment, name, scratch / "stored", device)
            except NotMeasured as why:
                seen = reason(why)
            found.setdefault(name, {})[side] = seen
    return found
