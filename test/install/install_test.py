#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""install_test.py BUILD: install into an empty folder; the units there run what was installed, with nothing misspelt."""
import os
import re
import shutil
import stat
import sys
import tempfile

from lib.check import Checks
from lib.shell import run

PROGRAMS = ("batond", "baton-agent", "batonctl")
UNITS = ("batond.service", "baton-agent.service")
# would put the agent's bpffs into a mount namespace that ends with the service
MOUNT_NAMESPACE = ("ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectKernel", "ProtectControlGroups",
                   "ReadOnlyPaths", "ReadWritePaths", "InaccessiblePaths", "BindPaths", "PrivateMounts", "ProtectProc",
                   "TemporaryFileSystem", "ProtectClock", "ProtectHostname", "RootDirectory", "DynamicUser")


def installed(folder):
    """{name: path} of all files."""
    return {name: os.path.join(where, name) for where, _, names in os.walk(folder) for name in names}


def settings(path):
    with open(path, encoding="utf-8") as f:
        pairs = [line.strip().split("=", 1) for line in f if "=" in line and not line.startswith("#")]
    return {key: [v for k, v in pairs if k == key] for key, _ in pairs}


def check_unit(checks, folder, unit, path):
    s = settings(path)
    program = s["ExecStart"][0].split()[0]
    checks.true(f"{unit}: its program was installed", os.access(folder + program, os.X_OK), program)
    checks.equal(f"{unit}: says when it is ready, and comes back", (s["Type"], s["Restart"]), (["notify"], ["on-failure"]))
    if shutil.which("systemd-analyze"):
        check_by_systemd(checks, folder, unit, path)


def check_by_systemd(checks, folder, unit, path):
    """The same unit, with its programs where they are below the folder."""
    with open(path, encoding="utf-8") as f:
        text = re.sub(r"^(Exec\w+=)(/\S+)", lambda m: m[1] + (folder + m[2] if os.path.exists(folder + m[2]) else m[2]), f.read(), flags=re.M)
    there = os.path.join(folder, unit)
    with open(there, "w", encoding="utf-8") as f:
        f.write(text)
    r = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", there, check=False)
    checks.equal(f"{unit}: verified by systemd", (r.returncode, [x for x in r.stderr.splitlines() if unit in x]), (0, []))


def scenario(checks, build, folder):
    run("meson", "install", "-C", build, "--no-rebuild", "--destdir", folder, "--quiet")
    files = installed(folder)
    for name in PROGRAMS:
        checks.true(f"{name} is there and can be run", name in files and os.stat(files[name]).st_mode & stat.S_IXUSR)
    for name in ("device.conf", "web.conf", "agent.conf.example"):
        checks.true(f"{name} is an example, not in use", "/doc/" in files.get(name, ""), files.get(name))
    checks.true("the operator's manual is there", "operations.md" in files)
    for unit in UNITS:
        check_unit(checks, folder, unit, files[unit])
    agent = settings(files["baton-agent.service"])
    checks.equal("the agent stays in the host's mount namespace", [k for k in agent if k.startswith(MOUNT_NAMESPACE)], [])
    checks.equal("and its run directory is kept", agent["RuntimeDirectoryPreserve"], ["yes"])


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        try:
            scenario(checks, sys.argv[1], folder)
        except Exception:
            checks.crashed()
    checks.plan()
    return 0 if checks.n and not checks.n_failed else 1


if __name__ == "__main__":
    sys.exit(main())
