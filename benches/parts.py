"""The same run in 1, 2, 4, 8 parts: metrics, seconds, processor seconds, peak memory and bytes of each part.

usage: benches/run parts [--rows N] [--dim D] [--k K1,K2,...] [--parts 1,2,4,8] [--out FILE]

Parts run one after another, each with all threads, as a node would run it. Metrics are compared with those of one process
without parts. Silhouettes compare points by float32 in another order and are listed separately.
"""
import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
PROGRAM = HERE.parent / "target/release/clustrata"
THREADS = len(os.sched_getaffinity(0))


def run(*words):
    """Runs the program; gives wall seconds, processor seconds and peak memory in MB."""
    started = time.perf_counter()
    process = subprocess.Popen([PROGRAM, "--quiet", *map(str, words)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(map(str, words))}: status {status}")
    return {
        "wall": time.perf_counter() - started,
        "processor": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }


def figures(value, path=""):
    """Every number of a record's levels with its place."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from figures(part, f"{path}/{key}")
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from figures(part, f"{path}/{i}")
    else:
        yield path, value


def differences(got, want):
    """Worst relative difference of sums and means, and worst difference of silhouettes."""
    sums, silhouettes, count = 0.0, 0.0, 0
    for (path, a), (there, b) in zip(figures(got), figures(want), strict=True):
        if path != there:
            sys.exit(f"{path} is not {there}")
        count += 1
        if not (isinstance(a, float) or isinstance(b, float)) or a is None or b is None:
            if a != b:
                sys.exit(f"{path}: {a} and not {b}")
        elif "/silhouette" in path:
            silhouettes = max(silhouettes, abs(a - b))
        elif a != b:
            sums = max(sums, abs(a - b) / max(abs(a), abs(b)))
    return sums, silhouettes, count


def levels(out):
    return json.loads((out / "record.json").read_text())["levels"]


def megabytes_below(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def in_parts(data, out, parts, options):
    """Both rounds of every part, and the merge."""
    shared = ["metrics", data / "hier", "--embeddings", data / "embeddings.npy", "--out", out, *options]
    rounds = [[run(*shared, "--shard", f"{i}/{parts}") for i in range(1, parts + 1)] for _ in range(2)]
    files = megabytes_below(out / "parts")
    return {"first": rounds[0], "second": rounds[1], "merge": run("merge", out), "files_mb": files}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--k", default="10000,1000,100")
    parser.add_argument("--parts", default="1,2,4,8")
    parser.add_argument("--silhouette", default="sample:2000")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    options = ["--metrics", "all", "--silhouette", args.silhouette, "--device", "cpu", "--yes"]
    result = {"setup": {k: str(v) for k, v in vars(args).items() if k != "out"} | {"threads": THREADS}}
    result["machine"] = platform.platform()
    with tempfile.TemporaryDirectory(prefix="clustrata-bench-") as folder:
        folder = Path(folder)
        data = folder / "data"
        make = [sys.executable, HERE / "make_data.py", data, args.rows, args.dim, args.k]
        subprocess.run([str(word) for word in make], check=True)
        whole = folder / "whole"
        shared = ["metrics", data / "hier", "--embeddings", data / "embeddings.npy", *options]
        result["whole"] = run(*shared, "--out", whole)
        print("| parts | wall s of a part, 1st + 2nd round | processor s, all parts | merge s | peak MB of a part, of merge |"
              " files MB | sums differ by | silhouettes by |")
        print("|---|---|---|---|---|---|---|---|")
        w = result["whole"]
        print(f"| one process | {w['wall']:.1f} | {w['processor']:.1f} | | {w['peak_mb']:.0f} | | | |", flush=True)
        for parts in map(int, args.parts.split(",")):
            out = folder / f"parts{parts}"
            told = in_parts(data, out, parts, options)
            sums, silhouettes, count = differences(levels(out), levels(whole))
            told |= {"sums_differ_by": sums, "silhouettes_differ_by": silhouettes, "figures": count}
            result[str(parts)] = told
            both = told["first"] + told["second"]
            longest = [max(part["wall"] for part in told[name]) for name in ("first", "second")]
            processor = sum(part["processor"] for part in both)
            peak = max(part["peak_mb"] for part in both)
            print(f"| {parts} | {longest[0]:.1f} + {longest[1]:.1f} | {processor:.1f} | {told['merge']['wall']:.1f} |"
                  f" {peak:.0f}, {told['merge']['peak_mb']:.0f} | {told['files_mb']:.1f} | {sums:.1e} |"
                  f" {silhouettes:.1e} |", flush=True)
            shutil.rmtree(out)
    if args.out:
        args.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
