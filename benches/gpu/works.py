"""What is measured: the works, their sizes and floors, and how the program runs them."""

from __future__ import annotations

import json
import shutil
import statistics
from dataclasses import dataclass

from .steps import NotMeasured, failure

# Most runs of a work. It is not repeated once its runs have taken a third of its limit.
ROUNDS = 3


@dataclass(frozen=True)
class Size:
    """Sizes of the data and the works."""

    rows: int
    dim: int
    ks: tuple
    many: int
    iterations: int
    cut_rows: int
    cut_dim: int

    def bytes(self):
        """The points."""
        return 4 * self.rows * self.dim


SCALES = {"GB/s": 1e9, "TFLOP/s": 1e12}
FULL = Size(1_000_000, 768, (1000, 300, 100, 30), 10_000, 10, 100_000, 256)
SMALL = Size(4096, 64, (16, 8, 4, 2), 64, 3, 1024, 32)


@dataclass(frozen=True)
class Work:
    """One row of the table. `amount` is the bytes or operations of the work, of one iteration where it has several.
    Divided by the seconds of the stage it gives the rate, which is compared with the floor of that kind."""

    key: str
    title: str
    limit: float
    amount: float
    unit: str
    floor: str
    arguments: tuple
    stage: str


def metrics(hierarchy, points, metric, levels):
    """Arguments of `clustrata metrics`. {data} and {out} are filled in by `run`."""
    words = ["metrics", f"{{data}}/{hierarchy}", "-e", f"{{data}}/{points}", "-o", "{out}", "--levels", levels]
    return (*words, "--metrics", metric, "--map", "none", "--yes", "--force", "--quiet")


def kmeans(size, init):
    """Arguments of `clustrata kmeans`."""
    words = ["kmeans", "-e", "{data}/embeddings.npy", "-o", "{out}", "--n-clusters", size.ks[0], "--init", init]
    return (*words, "--n-iters", size.iterations, "--seed", "1", "--force", "--quiet")


def works(size):
    """The rows of the table, in order."""
    shape, k, many = f"{size.rows:,} x {size.dim}", size.ks[0], size.many
    search = 2.0 * size.rows * size.dim
    own = ("GB/s", "read")
    product = ("TFLOP/s", "product")
    iterations = f"k-means, {shape}, k = {k:,}, {size.iterations} iterations"
    return [
        Work(
            "own",
            f"own distances, {shape}, one level",
            30,
            size.bytes(),
            *own,
            metrics("hier", "embeddings.npy", "inertia", "1"),
            "evaluate",
        ),
        Work(
            "own-4",
            f"own distances, {shape}, four levels",
            30,
            size.bytes(),
            *own,
            metrics("hier", "embeddings.npy", "inertia", "1,2,3,4"),
            "evaluate",
        ),
        Work(
            "search",
            f"top-2 search, {shape}, k = {k:,}",
            40,
            search * k,
            *product,
            metrics("hier", "embeddings.npy", "misassigned", "1"),
            "evaluate",
        ),
        Work(
            "search-many",
            f"top-2 search, {shape}, k = {many:,}",
            60,
            search * many,
            *product,
            metrics("many", "embeddings.npy", "misassigned", "1"),
            "evaluate",
        ),
        Work("kmeans", f"{iterations}, random start", 60, search * k, *product, kmeans(size, "random"), "k-means"),
        Work("kmeans++", f"{iterations}, k-means++", 60, search * k, *product, kmeans(size, "kmeans-plus-plus"), "k-means"),
        Work(
            "silhouette",
            f"exact silhouette, {size.cut_rows:,} x {size.cut_dim}, k = {k:,}",
            45,
            1.0 * size.cut_rows**2 * size.cut_dim,
            *product,
            metrics("cut/hier", "cut/embeddings.npy", "silhouette", "1"),
            "silhouette",
        ),
    ]


def of_record(folder, stage):
    """Seconds of the stage, all stages, the value and what was counted, of `clustrata metrics`."""
    record = json.loads((folder / "record.json").read_text())
    stages = {entry["name"]: entry["seconds"] for entry in record["stages"]}
    figures = record["levels"][0]["figures"]
    name = next(name for name in ("silhouette", "misassigned", "inertia") if figures.get(name) is not None)
    return {"seconds": stages[stage], "stages": stages, "value": {name: figures[name]}, "counters": record.get("counters")}


def of_kmeans(folder):
    """The same of `clustrata kmeans`: start and iterations, without the assignment and the files at its end."""
    made = json.loads((folder / "kmeans.json").read_text())
    step = made["steps"][0]
    stages = dict(zip(("start", "iterations", "assigning"), step["seconds"]))
    stages = {name: max(seconds, 0.0) for name, seconds in stages.items()}
    value = {"objective": step["objectives"][-1], "iterations": len(step["objectives"])}
    counters = step.get("counters", made.get("counters"))
    return {"seconds": stages["start"] + stages["iterations"], "stages": stages, "value": value, "counters": counters}


def measure(work, place, budget, environment, data, device):
    """Runs a work up to three times on a device. The seconds are the median of its stage; the whole process is beside it."""
    out, seen, reason = data / "out", [], None
    words = [str(word).format(data=data, out=out) for word in work.arguments]
    spent = 0.0
    while len(seen) < ROUNDS and spent < work.limit / 3:
        shutil.rmtree(out, ignore_errors=True)
        try:
            ended = budget.command([place.program, *words, "--device", device], work.limit - spent, environment)
        except NotMeasured as over:
            reason = over
            break
        if ended.code != 0:
            raise failure(f"clustrata {words[0]}", ended)
        spent += ended.seconds
        found = of_kmeans(out) if words[0] == "kmeans" else of_record(out, work.stage)
        seen.append(found | {"process": ended.seconds})
    if not seen:
        raise reason
    middle = statistics.median_low([found["seconds"] for found in seen])
    chosen = next(found for found in seen if found["seconds"] == middle)
    kept = {key: value for key, value in chosen.items() if value is not None}
    amount = work.amount * chosen["value"].get("iterations", 1)
    return kept | {"rounds": [found["seconds"] for found in seen], "rate": amount / middle / SCALES[work.unit]}


# Relative difference allowed between GPU and CPU backend: that of sums and ratios, none for counts. The centroids of a k-means
# may differ in their last bits, and a point halfway between two of them may then go to either.
ALLOWED = {"inertia": 1e-6, "misassigned": 0.0, "silhouette": 1e-5, "objective": 1e-5, "iterations": 0.0}


def disagreement(one, other):
    """What differs between the values of two devices by more than is allowed, in words; None if nothing does."""
    for name, value in one.items():
        if not abs(value - other[name]) <= ALLOWED[name] * max(abs(value), abs(other[name])):
            return f"{name}: {value!r} on the GPU, {other[name]!r} on the CPU"
    return None
