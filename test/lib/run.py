#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run.py SCRIPT: run the function scenario(checks) of a test script and report its checks.

BATON_BUILD names the build folder with the programs (default: build).
"""
import importlib.util
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib import cleanup  # noqa: E402
from lib.check import Checks  # noqa: E402


def ended(*_):
    raise KeyboardInterrupt  # unwinds through every `with`


def main():
    path = sys.argv[1]
    spec = importlib.util.spec_from_file_location("script", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    signal.signal(signal.SIGTERM, ended)
    checks = Checks()
    try:
        script.scenario(checks)
    except Exception:  # any fault of a scenario is a failed test, with its trace
        checks.crashed()
    finally:
        cleanup.remove_run(os.getpid())
    checks.plan()
    return 0 if checks.n and not checks.n_failed else 1


if __name__ == "__main__":
    sys.exit(main())
