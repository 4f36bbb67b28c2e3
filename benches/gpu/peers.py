"""Starts the peers and collects what they print: torch, and flash-kmeans from the pack, on the same card."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

from .steps import NotMeasured, failure

FAMILIES = {"torch": 100, "flash": 80}
PRODUCTS = ["torch product + argmin float32", "torch product + argmin float16", "torch cdist + topk float32"]
FLASH = ["flash-kmeans float32", "flash-kmeans float16"]
# The peers of each row of the table, in order.
EXPECTED = {
    "own": ["torch float32"],
    "search": PRODUCTS + FLASH,
    "search-many": PRODUCTS + FLASH,
    "kmeans": ["torch loop float32", "torch loop float16", *FLASH],
    "silhouette": ["torch cdist + index_add float32"],
}


def missing(family, place):
    """Why a family can't run here, before it is started; None if it may."""
    for package in ("torch", "triton") if family == "flash" else ("torch",):
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed"
    if family == "flash" and not (place.folder / "fk/flash_kmeans").is_dir():
        return "flash-kmeans is not in the pack"
    return None


def start(family, place, budget, data, size, on):
    """All lines that a family printed, and the reason for those that it did not print."""
    absent = missing(family, place)
    if absent:
        return [], absent
    numbers = (size.rows, size.dim, size.ks[0], size.many, size.iterations, size.cut_rows, size.cut_dim)
    environment = os.environ | {"PYTHONPATH": str(place.folder / "fk"), "TRITON_CACHE_DIR": str(data.parent / "triton")}
    printed, why = [], "not reached"
    words = [sys.executable, Path(__file__).with_name("peer.py"), family, data, *numbers, "--on", on]
    try:
        ended = budget.command(words, FAMILIES[family], environment, keep=printed)
        if ended.code != 0:
            why = failure(family, ended).reason
    except NotMeasured as over:
        why = over.reason
    lines = []
    for line in "".join(printed).splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:  # a line cut short by the end of its process, or one that a library printed
            continue
    return lines, next((line["not_measured"] for line in lines if set(line) == {"not_measured"}), why)


def peers(place, budget, data, size, on="cuda"):
    """Rows with their peers, floors by name, and the card that they ran on."""
    rows = {row: {} for row in EXPECTED}
    floors, card = {}, None
    for family in FAMILIES:
        lines, why = start(family, place, budget, data, size, on)
        for line in lines:
            if "row" in line:
                rows[line["row"]][line["peer"]] = {key: value for key, value in line.items() if key not in ("row", "peer")}
            elif "floor" in line:
                floors[line["floor"]] = {"rate": line["rate"], "unit": line["unit"]}
            card = line.get("device", card)
        for row, names in EXPECTED.items():
            for name in names:
                if name.startswith("flash") == (family == "flash"):
                    rows[row].setdefault(name, {"not_measured": why})
    return {row: {name: rows[row][name] for name in EXPECTED[row]} for row in rows}, floors, card
