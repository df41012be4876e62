# SPDX-License-Identifier: BSD-3-Clause
"""Run short commands; wait for conditions."""
import subprocess
import time


class Failed(Exception):
    """A check or a step did not hold; the text says what was wanted and what was seen."""


def run(*command, namespace=None, check=True, timeout=60, stdin=None):
    """Run to the end; CompletedProcess with text output. Failed if the status is not 0 and check is set."""
    command = [str(c) for c in command]
    r = subprocess.run(enter(namespace) + command, input=stdin, text=True, errors="replace", timeout=timeout,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if check and r.returncode:
        raise Failed(f"{' '.join(command)}: status {r.returncode}\n{r.stdout}{r.stderr}".rstrip())
    return r


def enter(namespace):
    """Command prefix. Not `ip netns exec`: that would hide the machine's mounts, and with them pinned BPF maps."""
    return ["nsenter", f"--net=/run/netns/{namespace}", "--"] if namespace else []


def wait_for(condition, what, timeout=20, every=0.02):
    """Poll until condition() is true and return what it returned; Failed when the time is up."""
    end = time.monotonic() + timeout
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {timeout} s")
        time.sleep(every)
