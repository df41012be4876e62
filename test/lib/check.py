# SPDX-License-Identifier: BSD-3-Clause
"""Named checks, reported in the Test Anything Protocol."""
import sys
import traceback

from lib.shell import Failed


class Checks:
    """Each named check is one test. Details go to standard error, where the runner shows them."""

    def __init__(self):
        self.n = self.n_failed = 0

    def result(self, name, good, detail=""):
        self.n += 1
        print(f"{'ok' if good else 'not ok'} {self.n} - {name.replace('#', '')}", flush=True)
        if not good:
            self.n_failed += 1
            print(f"{name}: {detail}", file=sys.stderr, flush=True)
        return good

    def true(self, name, condition, detail="not so"):
        return self.result(name, bool(condition), detail)

    def equal(self, name, got, wanted):
        return self.result(name, got == wanted, f"got {got!r}, wanted {wanted!r}")

    def step(self, name, function, *args, **kwargs):
        """A check that holds if the function raises nothing; returns what it returned, or None."""
        try:
            got = function(*args, **kwargs)
        except (Failed, OSError) as e:
            self.result(name, False, e)
            return None
        self.result(name, True)
        return got

    def note(self, text):
        """Something measured, for the reader of the log."""
        print(f"# {text}", flush=True)

    def crashed(self):
        self.result("ran to its end", False, traceback.format_exc())

    def plan(self):
        print(f"1..{self.n}", flush=True)
