"""Collects what a GPU machine needs: the program, the Vulkan loader, peers as pure wheels, data with stored values, this script."""

from __future__ import annotations

import array
import ast
import datetime
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from .steps import Refused

# NVIDIA's Vulkan driver is part of its OpenGL library, which needs the vendor-neutral ones.
LIBRARIES = ("libvulkan1", "libegl1", "libglvnd0", "libopengl0", "libgl1", "libglx0", "libgles2")
# flash-kmeans needs tqdm. Without it, it silently runs torch instead of its kernels.
WHEELS = ("flash-kmeans", "tqdm")
SCRIPTS = ("script/gpu-bench", "benches/gpu_bench.py", "benches/gpu", "tests/data/digits", "tests/data/golden/digits.json")
# Most bytes of all packed data together.
MOST = 60_000_000


def copy(source, target):
    """A file or folder, without caches of Python."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=False, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)
    writable(target)


def writable(target):
    """Copies of read-only files may be replaced by the next pack."""
    for path in [target, *(target.rglob("*") if target.is_dir() else [])]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)


def size(path):
    """Bytes of a file or of all files of a folder."""
    return path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def run(words, folder=None):
    return subprocess.run([str(word) for word in words], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def commit(root):
    """The commit of the checkout, and whether files differ from it."""
    try:
        short = run(["git", "rev-parse", "--short=7", "HEAD"], root).strip()
        return short + (
            " (with changes)" if run(["git", "status", "--porcelain", "--untracked-files=no"], root).strip() else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def program(root, given, target):
    """Copies the program, without symbols if `strip` is installed. Builds it if none is given. Returns its version."""
    if given is None:
        run(["cargo", "build", "--release", "--quiet"], root)
        given = (
            Path(json.loads(run(["cargo", "metadata", "--format-version", "1", "--no-deps"], root))["target_directory"])
            / "release/clustrata"
        )
    if not given.is_file():
        raise Refused(f"--binary: {given} does not exist; leave the option out to build the program")
    if (
        shutil.which("strip") is None
        or subprocess.run(["strip", "-o", target, given], stderr=subprocess.DEVNULL).returncode != 0
    ):
        shutil.copy2(given, target)
    return run([target, "--version"]).split()[-1]


def loader(target):
    """The Vulkan loader and OpenGL's vendor-neutral libraries, from Debian or Ubuntu packages, without root. They are
    stored as files under the names that programs load, since links don't survive every way of copying. Returns a reason if
    this fails."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return "no apt-get here: the GPU machine must have a Vulkan loader (libvulkan.so.1)"
    with tempfile.TemporaryDirectory() as scratch:
        try:
            run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *LIBRARIES], scratch)
        except subprocess.CalledProcessError:
            return f"apt-get download {' '.join(LIBRARIES)} failed (run apt-get update first?)"
        for package in Path(scratch).glob("*.deb"):
            run(["dpkg", "-x", package, Path(scratch) / "all"])
        target.mkdir(exist_ok=True)
        for library in (Path(scratch) / "all").rglob("lib*.so.*"):
            if library.is_symlink() or library.name.count(".") == 2:
                shutil.copyfile(library.resolve(), target / library.name)
    return None


def wheels(target):
    """Unpacks wheels without compiled code. Returns a reason if this fails."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
            run([*pip, "--only-binary", ":all:", "--dest", scratch, *WHEELS])
        except subprocess.CalledProcessError:
            return f"pip download {' '.join(WHEELS)} failed"
        for wheel in Path(scratch).glob("*-none-any.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(target)
    return None if (target / "flash_kmeans").is_dir() else "flash-kmeans has no pure wheel"


def by_rows(path):
    """Rewrites a matrix in Fortran order in row order, which the program requires. Leaves other files as they are."""
    raw = path.read_bytes()
    start = 10 + int.from_bytes(raw[8:10], "little")
    about = ast.literal_eval(raw[10:start].decode())
    if raw[6] != 1 or not about["fortran_order"]:
        return
    rows, columns = about["shape"]
    values = array.array({2: "H", 4: "I", 8: "Q"}[int(about["descr"][2:])], raw[start:])
    turned = array.array(values.typecode, bytes(len(raw) - start))
    for column in range(columns):
        turned[column::columns] = values[column * rows : (column + 1) * rows]
    header = raw[10:start].replace(b"'fortran_order': True, ", b"'fortran_order': False,")
    path.write_bytes(raw[:10] + header + turned.tobytes())


def stored(data, target, skipped):
    """Copies clusterings that have an oracle.json, and their points, while they fit. Returns the points of each, and their number."""
    found, total = {}, 0
    for oracle in sorted(data.glob("*/oracle.json")):
        name = oracle.parent.name
        about = json.loads(oracle.read_text())
        points = Path(*Path(about["embeddings_path"]).parts[-2:])
        wanted = [data / points, *(oracle.parent / part for part in ("hier", "oracle.json", "oracle_points.npz"))]
        missing = [path.name for path in wanted if not path.exists()]
        total += sum(size(path) for path in wanted if path.exists())
        if missing:
            skipped[name] = f"{', '.join(missing)} missing"
        elif total > MOST:
            skipped[name] = f"more than {MOST / 1e6:.0f} MB in all"
        else:
            for path in wanted:
                copy(path, target / path.relative_to(data))
            by_rows(target / points)
            found[name] = {"points": str(points), "rows": about["n"]}
    for folder in sorted(data.iterdir()):
        if folder.is_dir() and not (folder / "oracle.json").exists():
            skipped[folder.name] = "no stored values (oracle.json)"
    return found


def pack(root, args):
    """Fills the folder and prints what is in it."""
    target = args.dir
    if target.exists() and not (target / "pack.json").is_file() and any(target.iterdir()):
        raise Refused(f"{target} is neither empty nor an earlier pack; name another folder")
    for old in ("lib", "fk", "data"):
        shutil.rmtree(target / old, ignore_errors=True)
    target.mkdir(parents=True, exist_ok=True)
    skipped = {}
    version = program(root, args.binary, target / "clustrata")
    for part in SCRIPTS:
        copy(root / part, target / part)
    found = {}
    if args.data is None:
        skipped["data"] = "no folder named with --data"
    else:
        if not args.data.is_dir():
            raise Refused(f"--data: {args.data} is not a folder")
        found = stored(args.data, target / "data", skipped)
        judge = args.data.parent / "check_metrics.py"
        if judge.is_file():
            copy(judge, target / judge.name)
        elif found:
            skipped |= {name: f"{judge.name} is not beside {args.data.name}" for name in found}
            found = {}
    for name, get in (("lib", loader), ("fk", wheels)):
        why = "--no-download" if args.no_download else get(target / name)
        if why:
            skipped[name] = why
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    facts = {"format": 1, "packed": today, "commit": commit(root), "version": version, "stored": found, "skipped": skipped}
    (target / "pack.json").write_text(json.dumps(facts, indent=1) + "\n")
    report(target, facts)


def report(target, facts):
    """What is in the pack, and what is not."""
    for path in sorted(target.iterdir()):
        print(f"{size(path) / 1e6:8.1f} MB  {path.name}")
    print(f"{size(target) / 1e6:8.1f} MB  in all; stored values of {', '.join(['golden digits', *facts['stored']])}")
    for name, why in facts["skipped"].items():
        print(f"left out: {name}: {why}")
    print(f"next, on the GPU machine: {target.name}/script/gpu-bench run")
