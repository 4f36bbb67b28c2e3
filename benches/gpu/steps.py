"""Steps with time limits: commands that are ended at their limit, and results that are numbers or stated reasons."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass


class Refused(Exception):
    """The command line or the pack is wrong: nothing is measured."""


class NotMeasured(Exception):
    """Why there is no number. If `failed`, the program under test is at fault, and the script exits with code 1."""

    def __init__(self, reason, failed=False):
        super().__init__(reason)
        self.reason, self.failed = reason, failed


@dataclass
class Ended:
    """A command that ended by itself."""

    code: int
    out: str
    error: str
    seconds: float

    def why(self):
        """What it said about its end, in a line without folders of this machine: its error, not the warnings before it."""
        lines = [line.strip() for line in (self.error or self.out).splitlines() if line.strip()]
        named = [line for line in lines if line.lower().startswith("error")]
        line = (named or lines[-1:] or ["no message"])[0]
        return re.sub(r"(?<![\w.])/(?:[^\s/'\"`:,]+/)+", "", line)[:200]


class Budget:
    """The time of the whole script. A step gets its own limit times `patience`, but at most the time that is left."""

    def __init__(self, seconds, patience):
        self.started = time.monotonic()
        self.seconds, self.patience = seconds, patience

    def elapsed(self):
        return time.monotonic() - self.started

    def left(self):
        return self.seconds - self.elapsed()

    def command(self, words, limit, environment=None, keep=None):
        """Runs a command and ends it, with all its children, at the limit. `keep` collects its output even then.

        Raises NotMeasured if the command exceeds its limit, or if no time is left.
        """
        limit = min(limit * self.patience, self.left())
        if limit <= 0:
            raise NotMeasured("out of time")
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
            started = time.monotonic()
            process = subprocess.Popen(
                [str(word) for word in words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=error,
                env=environment,
                start_new_session=True,
            )
            try:
                process.wait(limit)
                seconds = time.monotonic() - started
            except subprocess.TimeoutExpired:
                raise NotMeasured(f"out of time (limit {limit:.0f} s)") from None
            finally:
                if process.returncode is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                for file in (out, error):
                    file.seek(0)
                text, errors = out.read(), error.read()
                if keep is not None:
                    keep.append(text)
        return Ended(process.returncode, text, errors, seconds)


def failure(what, ended):
    """A program that failed, in one line."""
    if ended.code < 0:
        return NotMeasured(f"{what} was ended by signal {-ended.code}", failed=True)
    return NotMeasured(f"{what} exited with code {ended.code}: {ended.why()}", failed=True)


def reason(error):
    """The entry of a table for something that was not measured."""
    return {"not_measured": error.reason} | ({"failed": True} if error.failed else {})
