# SPDX-License-Identifier: BSD-3-Clause
"""Long-running programs inside namespaces, with their logs."""
import ctypes
import os
import resource
import signal
import subprocess

from lib.shell import Failed, enter, wait_for

PR_SET_PDEATHSIG = 1
OPEN_FILES = 16384
_libc = ctypes.CDLL(None, use_errno=True)


class Process:
    """One program. Dies with the run unless it is kept on purpose."""

    def __init__(self, name, command, namespace, log, env=None, keep=False):
        self.name = name
        self.log_path = log
        self.command = [str(c) for c in command]
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(enter(namespace) + self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          env={**os.environ, **(env or {})}, preexec_fn=lambda: _prepare(keep),
                                          start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid  # nsenter replaces itself by the program

    def running(self):
        return self.popen.poll() is None

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_ready(self, condition, timeout=20):
        """Poll condition(); Failed with the log if the program ends before."""
        def ready():
            if not self.running():
                raise Failed(f"{self.name} ended with status {self.popen.returncode} before it was ready\n{self.log()}")
            return condition()
        wait_for(ready, f"{self.name} ready", timeout)

    def send(self, number):
        self.popen.send_signal(number)

    def stop(self, number=signal.SIGTERM, timeout=20):
        """Signal, wait, return the exit status (negative: killed by that signal)."""
        if self.running():
            self.popen.send_signal(number)
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise Failed(f"{self.name} did not end within {timeout} s of signal {number}\n{self.log()}") from None

    def kill(self, patience=0):
        try:
            self.popen.wait(patience)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


def _prepare(keep):
    if not keep:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, want), hard))
