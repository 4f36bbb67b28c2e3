"""The machine and the pack: how the program finds its Vulkan driver, and what the machine has."""

from __future__ import annotations

import ctypes
import importlib.metadata
import json
import os
import platform
from pathlib import Path

from .steps import Refused

# Where NVIDIA's container tools mount the driver, beside the folders that the Vulkan loader searches by itself.
NVIDIA = Path("/usr/local/nvidia")
SEARCHED = [Path(folder, "vulkan/icd.d") for folder in ("/usr/share", "/usr/local/share", "/etc")]


class Place:
    """A pack, and how to start its program."""

    def __init__(self, folder):
        self.folder = folder
        self.program = folder / "clustrata"
        if not (folder / "pack.json").is_file() or not self.program.is_file():
            raise Refused(
                f"{folder} is not a pack (pack.json or clustrata is missing); make one with: script/gpu-bench pack DIR"
            )
        if not os.access(self.program, os.X_OK):  # the permission can get lost in copying
            self.program.chmod(0o755)
        self.facts = json.loads((folder / "pack.json").read_text())

    def environment(self, scratch):
        """Environment of the program: NVIDIA's driver, the packed loader if the machine has none, an empty cache."""
        environment = dict(os.environ)
        folders = [folder for folder in (NVIDIA / "lib64", NVIDIA / "lib") if folder.is_dir()]
        carried = sorted((self.folder / "lib").glob("lib*"))
        if not all(loads(library.name) for library in carried):
            folders.append(self.folder / "lib")
        known = environment.get("LD_LIBRARY_PATH")
        if folders:
            environment["LD_LIBRARY_PATH"] = ":".join([*([known] if known else []), *map(str, folders)])
        environment["CLUSTRATA_CACHE"] = str(scratch / "cache")
        driver = NVIDIA / "share/vulkan/icd.d/nvidia_icd.json"
        if not {"VK_DRIVER_FILES", "VK_ICD_FILENAMES"} & set(environment) and driver.is_file():
            environment["VK_DRIVER_FILES"] = str(driver)
        vendor = NVIDIA / "share/glvnd/egl_vendor.d/10_nvidia.json"
        if "__EGL_VENDOR_LIBRARY_FILENAMES" not in environment and vendor.is_file():
            environment["__EGL_VENDOR_LIBRARY_FILENAMES"] = str(vendor)
        return environment


def loads(library):
    """Whether this machine has a library of that name."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def driver_files(environment):
    """Names of the files that describe Vulkan drivers: from a variable, or from the folders that the loader searches."""
    for variable in ("VK_DRIVER_FILES", "VK_ICD_FILENAMES"):
        if variable in environment:
            return [Path(name).name for name in environment[variable].split(":")]
    return sorted(file.name for folder in SEARCHED if folder.is_dir() for file in folder.glob("*.json"))


def version(package):
    """Version of a Python package, or None where it is missing."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def processor():
    """Name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def host():
    """The machine, without host or user names."""
    packages = {name: version(name) for name in ("numpy", "torch", "triton")}
    return {
        "processor": processor(),
        "threads": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **packages,
    }
