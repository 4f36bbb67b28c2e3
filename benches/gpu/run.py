"""The measurement: the most useful steps first, each with a time limit. The result files are rewritten after each step."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import sys
from pathlib import Path

from . import table
from .machine import driver_files, host
from .peers import EXPECTED, peers
from .steps import Budget, NotMeasured, failure, reason
from .stored import stored
from .works import FULL, SMALL, disagreement, measure, works

# The check always runs: it says which device this is.
STEPS = ("stored", "gpu", "peers", "tune", "cpu")
NOT_ASKED = {"not_measured": "not asked for"}


def check(place, budget, environment, device):
    """`clustrata check`: the device it chose, how many checks pass, and the worst error as a share of what is allowed."""
    ended = budget.command([place.program, "check", "--json", "--device", device], 90, environment)
    if ended.code == 4:
        seen = ", ".join(driver_files(environment)) or "none"
        raise NotMeasured(f"no usable GPU (Vulkan driver files: {seen})")
    if ended.code not in (0, 1) or not ended.out.strip():
        raise failure("clustrata check", ended)
    said = json.loads(ended.out)
    passed = sum(entry["passed"] for entry in said["checks"])
    worst = max(entry["error"] / entry["allowed"] if entry["error"] is not None else float("inf") for entry in said["checks"])
    seen = {"checks": len(said["checks"]), "passed": passed, "worst": worst}
    return {key: said["device"][key] for key in ("name", "kind", "api", "driver")}, seen


def tune(place, budget, environment, device):
    """The table of `clustrata devices --tune`, from a version that has it."""
    ended = budget.command([place.program, "devices", "--tune", "--device", device], 60, environment)
    if ended.code == 2 and "--device" in ended.error.splitlines()[0]:
        ended = budget.command([place.program, "devices", "--tune"], 60, environment)
    if ended.code == 2 and "--tune" in ended.error:
        raise NotMeasured("this version has no `devices --tune`")
    if ended.code != 0:
        raise failure("clustrata devices --tune", ended)
    return {"table": ended.out}


class Run:
    """What is known so far, and where it is written."""

    def __init__(self, place, scratch, out, args):
        self.place, self.scratch, self.args = place, scratch, args
        self.size = SMALL if args.small else FULL
        # times of a dry run don't matter: it gets more time, so that a busy machine doesn't fail it
        self.budget = Budget(args.minutes * 60, patience=4 if args.small else 1)
        self.environment = place.environment(scratch)
        self.out, self.date = Path(out), datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
        self.works = works(self.size)
        options = [*(["--small"] if args.small else []), *([f"--only {','.join(args.only)}"] if args.only else [])]
        options += [f"--minutes {args.minutes:g}"] if args.minutes != 8 else []
        self.result = {
            "format": 1,
            "date": self.date,
            "commit": place.facts["commit"],
            "version": place.facts["version"],
            "small": args.small,
            "minutes": args.minutes,
            "options": options,
            "complete": False,
            "host": host(),
            "device": NOT_ASKED,
            "card": None,
            "data": NOT_ASKED,
            "floors": {},
            "check": {"gpu": NOT_ASKED, "cpu": NOT_ASKED},
            "stored": {},
            "tune": NOT_ASKED,
            "failures": [],
        }
        self.rows = [self.row(work) for work in self.works]

    def row(self, work):
        """A row without numbers."""
        names = EXPECTED.get(work.key)
        return {
            "key": work.key,
            "work": work.title,
            "unit": work.unit,
            "floor": work.floor,
            "gpu": NOT_ASKED,
            "cpu": NOT_ASKED,
            "peers": {name: NOT_ASKED for name in names} if names else {"none": {"not_measured": "no peer for this"}},
        }

    def asked(self, step):
        return not self.args.only or step in self.args.only

    def software(self):
        return self.result["device"].get("kind") == "software"

    def fail(self, what, seen):
        if seen.get("failed"):
            self.result["failures"].append(f"{what}: {seen['not_measured']}")

    def say(self, text):
        print(f"[{self.budget.elapsed():4.0f} s] {text}", file=sys.stderr, flush=True)

    def write(self):
        """Replaces both files; each is written under a temporary name first."""
        device = self.result["device"]
        constant = {
            "device": device.get("name", "none"),
            "driver": device.get("driver", "none"),
            "date": self.date,
            "commit": self.result["commit"],
        }
        self.result["seconds"] = round(self.budget.elapsed(), 1)
        self.result["rows"] = [row | constant for row in self.rows]
        name = re.sub(r"[^a-z0-9]+", "-", table.title(device).lower()).strip("-")
        stem = f"{self.date}-{name}-gpu-bench" + ("-small" if self.args.small else "")
        self.out.mkdir(parents=True, exist_ok=True)
        for suffix, text in ((".json", json.dumps(self.result, indent=1) + "\n"), (".md", table.markdown(self.result))):
            part = self.out / f".{stem}{suffix}.part"
            part.write_text(text)
            os.replace(part, self.out / f"{stem}{suffix}")
        return self.out / f"{stem}.md"

    def check(self):
        """Which device this is, and whether it computes correctly."""
        for side, device in (("gpu", self.args.device), ("cpu", "cpu")):
            try:
                used, seen = check(self.place, self.budget, self.environment, device)
                if side == "gpu":
                    self.result["device"] = used
                if seen["passed"] != seen["checks"]:
                    self.result["failures"].append(
                        f"check on {used['name']}: {seen['checks'] - seen['passed']} of {seen['checks']} fail"
                    )
            except NotMeasured as why:
                seen = reason(why)
                if side == "gpu":
                    self.result["device"] = reason(why)
                self.fail(f"check, {side}", seen)
            self.result["check"][side] = seen

    def stored(self):
        """The stored values, on the GPU if there is one and on the CPU."""
        there = "name" in self.result["device"]
        devices = ({"gpu": self.args.device} if there else {}) | {"cpu": "cpu"}
        most = {"gpu": 10_000 if self.software() else float("inf"), "cpu": float("inf")}
        self.result["stored"] = stored(self.place, self.budget, self.environment, self.scratch, devices, most)
        for name, sides in self.result["stored"].items():
            if not there:
                sides["gpu"] = self.result["device"]
            for side, seen in sides.items():
                self.fail(f"stored values, {name}, {side}", seen)
                if seen.get("off"):
                    self.result["failures"].append(
                        f"stored values, {name}, {side}: {seen['off']} of {seen['compared']} differ: {seen['first'][0]}"
                    )

    def make_data(self):
        """The points and hierarchies, and how fast the file can be read. Returns the folder, or raises NotMeasured."""
        size, folder = self.size, self.scratch / "data"
        free, needed = shutil.disk_usage(self.scratch).free, 1.2 * (size.bytes() + 4 * size.cut_rows * size.cut_dim) + 2e8
        if free < needed:
            raise NotMeasured(f"the data needs {needed / 1e9:.1f} GB of disk, {free / 1e9:.1f} GB are free (--scratch)")
        here = Path(__file__).parent
        words = [sys.executable, here / "data.py", folder, size.rows, size.dim, ",".join(map(str, size.ks))]
        words += ["--groups", f"many:{size.many}", "--cut", f"cut:{size.cut_rows}:{size.cut_dim}"]
        ended = self.budget.command(words, 120)
        if ended.code != 0:
            raise NotMeasured(f"the data could not be made: {ended.why()}")
        text = f"{size.rows:,} x {size.dim} float32 ({size.bytes() / 1e6:,.0f} MB in the page cache), a normal mixture of {size.ks[0]:,} groups"
        self.result["data"] = {"text": text, "seconds": ended.seconds}
        read = self.budget.command([sys.executable, here / "plain_read.py", folder / "embeddings.npy"], 30)
        if read.code == 0:
            self.result["floors"]["plain read of the file"] = {"rate": size.bytes() / float(read.out) / 1e9, "unit": "GB/s"}
        return folder

    def measure(self, side, device, data):
        """All works on one device."""
        for work, row in zip(self.works, self.rows):
            try:
                seen = measure(work, self.place, self.budget, self.environment, data, device)
                self.say(f"{work.title}, {side}: {seen['seconds']:.4f} s")
            except NotMeasured as why:
                seen = reason(why)
                self.fail(f"{work.title}, {side}", seen)
                self.say(f"{work.title}, {side}: not measured: {why.reason}")
            if side == "gpu" and self.software():
                row["software"], seen = seen, {"not_measured": table.SOFTWARE}
            row[side] = seen
            self.write()

    def compare(self):
        """GPU and CPU backend must agree on every value."""
        for row in self.rows:
            one = row.get("software", row["gpu"])
            if "value" in one and "value" in row["cpu"]:
                differs = disagreement(one["value"], row["cpu"]["value"])
                if differs:
                    self.result["failures"].append(f"{row['work']}: {differs}")

    def no_data(self, why):
        """Puts the reason into every cell that needs the data."""
        for row in self.rows:
            row["gpu"] = row["cpu"] = reason(why)
            row["peers"] = {name: seen if name == "none" else reason(why) for name, seen in row["peers"].items()}
        self.result["data"] = reason(why)

    def works_on(self, side, device, data):
        """Fills one side of the table: with measurements, or with the reason why there are none."""
        missing = None
        if side == "gpu" and "name" not in self.result["device"]:
            missing = self.result["device"]
        elif side == "gpu" and self.software() and not self.args.small:
            missing = {"not_measured": table.SOFTWARE}
        if missing is None:
            self.measure(side, device, data)
            return
        for row in self.rows:
            row[side] = {"not_measured": missing["not_measured"]}

    def peers(self, data):
        found, floors, self.result["card"] = peers(self.place, self.budget, data, self.size)
        self.result["floors"] |= floors
        for row in self.rows:
            row["peers"] = found.get(row["key"], row["peers"])

    def steps(self):
        """The requested steps after the check and the stored values. Makes the data if one of them needs it."""
        steps = {
            "gpu": lambda: self.works_on("gpu", self.args.device, data),
            "peers": lambda: self.peers(data),
            "tune": self.tune,
            "cpu": lambda: self.works_on("cpu", "cpu", data),
        }
        steps = {name: step for name, step in steps.items() if self.asked(name)}
        if set(steps) - {"tune"}:
            self.say("data")
            try:
                data = self.make_data()
            except NotMeasured as why:
                self.no_data(why)
                steps = {name: step for name, step in steps.items() if name == "tune"}
        return steps

    def tune(self):
        try:
            self.result["tune"] = tune(self.place, self.budget, self.environment, self.args.device)
        except NotMeasured as why:
            self.result["tune"] = reason(why)
            self.fail("tune", self.result["tune"])


def run(place, scratch, out, args):
    """Runs all steps, the most important first. Returns the exit code."""
    this = Run(place, scratch, out, args)
    this.say("check")
    this.check()
    if this.asked("stored"):
        this.say("stored values")
        this.stored()
    this.write()
    for name, step in this.steps().items():
        this.say(name)
        step()
        this.write()
    this.compare()
    this.result["complete"] = True
    path = this.write()
    this.say(f"wrote {path} and {path.with_suffix('.json').name}")
    for failed in this.result["failures"]:
        print(f"gpu-bench: {failed}", file=sys.stderr)
    return 1 if this.result["failures"] else 0
