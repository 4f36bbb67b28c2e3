#!/usr/bin/env python3
"""Quality and cost of the ways to choose first centroids.

    benches/starts.py --on FILE.npy:K[,FILE.npy:K...] [--program P] [--seeds 5] [--iterations 10] [--out RAW.json]

For each file and each seed, `clustrata kmeans` runs with every `--init`: objective of the first centroids, objective before the last
iteration, processor seconds of the whole command. The start's seconds are the stage's own. `blobs-NxDxG` in place of a file makes N
rows of D columns in G well-separated groups.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
INITS = ["kmeans-plus-plus", "sampled", "kmeans-parallel", "random"]


def data(name, scratch):
    """The file, made first where the name describes it."""
    if not name.startswith("blobs-"):
        return Path(name)
    rows, dim, groups = map(int, name.removeprefix("blobs-").split("x"))
    random = np.random.default_rng(0)
    centres = random.normal(size=(groups, dim)) * 5
    points = centres[random.integers(groups, size=rows)] + random.normal(size=(rows, dim))
    path = Path(scratch) / f"{name}.npy"
    np.save(path, points.astype(np.float32))
    return path


def run(program, path, k, init, seed, iterations, scratch):
    out = Path(scratch) / "out"
    words = [program, "--quiet", "kmeans", "--embeddings-path", path, "--out", out, "--force", "--n-clusters", k]
    words += ["--n-iters", iterations, "--init", init, "--seed", seed, "--device", "cpu", "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = subprocess.run([str(word) for word in words], check=True, stdout=subprocess.PIPE).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    step = json.loads(text)["steps"][0]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    first, last = step["objectives"][0], step["mean_squared_distance"]
    return {"seed": seed, "first": first, "last": last, "start": step["seconds"][0], "cpu": cpu}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", required=True, type=lambda text: text.split(","))
    parser.add_argument("--program", default=HERE.parent / "target/release/clustrata")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    raw = {"iterations": args.iterations, "threads": len(os.sched_getaffinity(0)), "data": []}
    print("| data | k | start | first objective | after the iterations | beside ++ | worst seed | start s | processor s |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for what in args.on:
            name, k = what.rsplit(":", 1)
            path = data(name, scratch)
            rows, dim = np.load(path, mmap_mode="r").shape
            label = f"{Path(name).parent.name or Path(name).stem} {rows:,} x {dim}" if name.endswith(".npy") else name
            seen = {init: [] for init in INITS}
            for seed in range(args.seeds):
                for init, runs in seen.items():
                    runs.append(run(args.program, path, k, init, seed, args.iterations, scratch))
            base = statistics.mean(one["last"] for one in seen[INITS[0]])
            for init, runs in seen.items():
                first, last, start, cpu = (statistics.mean(one[key] for one in runs) for key in ("first", "last", "start", "cpu"))
                worst = max(one["last"] for one in runs) / base - 1
                cells = [label, k, init, f"{first:.5g}", f"{last:.5g}", f"{last / base - 1:+.2%}", f"{worst:+.2%}"]
                print("| " + " | ".join([*cells, f"{start:.2f}", f"{cpu:.2f}"]) + " |", flush=True)
            raw["data"].append({"data": label, "k": int(k), "runs": seen})
    if args.out:
        args.out.write_text(json.dumps(raw, indent=1) + "\n")


if __name__ == "__main__":
    main()
