"""Packs the program here, and measures it on a GPU machine with one command, within a fixed time.

usage: script/gpu-bench pack DIR [--binary FILE] [--data FOLDER] [--no-download]
       script/gpu-bench run [DIR] [--out FOLDER] [--minutes 8] [--small] [--only STEPS] [--device gpu] [--scratch DIR]

Uses the standard library alone. If a step needs more (NumPy for the large data, torch for peers) and it is missing, the table
says so. Exit codes: 0 done, 1 a value is wrong or the program failed, 2 the command line is wrong. A step that runs out of
time is no failure: the table says "not measured: out of time".
"""

import argparse
import sys
import tempfile
from pathlib import Path

from gpu import machine, pack, run
from gpu.steps import Refused

ROOT = Path(__file__).resolve().parent.parent


def parser():
    """The command line."""
    usage = __doc__.split("usage: ")[1].split("\n\n")[0]
    top = argparse.ArgumentParser(prog="gpu-bench", usage=usage, description=__doc__.split("\n")[0])
    commands = top.add_subparsers(dest="command", required=True, metavar="pack|run")

    packing = commands.add_parser("pack", help="collect what a GPU machine needs into DIR")
    packing.add_argument("dir", type=Path, metavar="DIR")
    packing.add_argument("--binary", type=Path, metavar="FILE", help="take this program instead of building one")
    beside = ROOT.parent / "shared/data"
    packing.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        default=beside if beside.is_dir() else None,
        help="carry the clusterings in FOLDER that have an oracle.json [default: ../shared/data, if there]",
    )
    packing.add_argument("--no-download", action="store_true", help="no Vulkan loader, no flash-kmeans")

    running = commands.add_parser("run", help="measure, and write one JSON file and one Markdown table")
    running.add_argument(
        "dir", type=Path, metavar="DIR", nargs="?", default=ROOT, help="the pack [default: the one this script is in]"
    )
    running.add_argument("--out", type=Path, metavar="FOLDER", help="write here [default: docs/benchmarks]")
    running.add_argument("--minutes", type=float, default=8.0, help="stop after this long [default: 8]")
    running.add_argument(
        "--small", action="store_true", help="dry run: 4,096 x 64, under a minute, also on a software rasterizer"
    )
    running.add_argument("--only", type=lambda text: text.split(","), metavar="STEPS", help=f"of {','.join(run.STEPS)}")
    running.add_argument("--device", default="gpu", help="as in `clustrata metrics` [default: gpu]")
    running.add_argument("--scratch", type=Path, metavar="DIR", help="make the data in this folder [default: the system's]")
    return top


def main():
    args = parser().parse_args()
    try:
        if args.command == "pack":
            pack.pack(ROOT, args)
            return 0
        unknown = sorted(set(args.only or ()) - set(run.STEPS))
        if unknown:
            raise Refused(f"--only: no step is called {', '.join(unknown)}; steps: {', '.join(run.STEPS)}")
        if args.device == "cpu":
            raise Refused("--device cpu: the CPU backend is measured beside every device; name a GPU, or leave it out")
        place = machine.Place(args.dir.resolve())
        out = args.out or ROOT / "docs/benchmarks"
        with tempfile.TemporaryDirectory(prefix="gpu-bench-", dir=args.scratch) as scratch:
            return run.run(place, Path(scratch), out, args)
    except Refused as refused:
        print(f"gpu-bench: {refused}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
