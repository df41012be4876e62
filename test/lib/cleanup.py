# SPDX-License-Identifier: BSD-3-Clause
"""Take down what a run set up, its own or that of a run that died.

Everything a run makes on the machine carries its process id: namespaces are
called bt<pid>-<name>, the folder /tmp/bt<pid>.
"""
import os
import re
import shutil
import signal
import time

from lib.shell import run

NAMESPACES = "/run/netns"
FOLDERS = "/tmp"


def owner(name):
    """Pid in the name of something that a run made, or None."""
    m = re.fullmatch(r"bt(\d+)(?:-\w+)?", name)
    return int(m[1]) if m else None


def alive(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return b"python" in f.read()  # another program may have the pid by now
    except OSError:
        return False


def namespace_pids(namespace):
    """Processes inside a namespace that a run made. Nothing else can be there."""
    return [int(p) for p in run("ip", "netns", "pids", namespace, check=False).stdout.split()]


def kill_inside(namespace):
    for _ in range(50):
        pids = namespace_pids(namespace)
        if not pids:
            return
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)


def unmount_below(folder):
    with open("/proc/self/mounts", encoding="utf-8") as f:
        points = [line.split()[1] for line in f]
    for point in sorted((p for p in points if p.startswith(folder + "/")), reverse=True):
        run("umount", "-l", point, check=False)


def remove_run(pid):
    prefix = f"bt{pid}-"
    namespaces = [n for n in os.listdir(NAMESPACES) if n.startswith(prefix)] if os.path.isdir(NAMESPACES) else []
    for n in namespaces:
        kill_inside(n)
    for n in namespaces:
        run("ip", "netns", "del", n, check=False)
    folder = os.path.join(FOLDERS, f"bt{pid}")
    unmount_below(folder)
    shutil.rmtree(folder, ignore_errors=True)


def remove_dead_runs():
    """Leftovers of runs that were killed before they could clean up; returns their pids."""
    names = os.listdir(NAMESPACES) if os.path.isdir(NAMESPACES) else []
    names += os.listdir(FOLDERS)
    dead = {pid for pid in map(owner, names) if pid and not kept(pid) and not alive(pid)}
    for pid in sorted(dead):
        remove_run(pid)
    return sorted(dead)


def kept(pid):
    """A demo left running on purpose says so."""
    return os.path.exists(os.path.join(FOLDERS, f"bt{pid}", "keep"))


def kept_runs():
    return sorted(pid for pid in map(owner, os.listdir(FOLDERS)) if pid and kept(pid))
