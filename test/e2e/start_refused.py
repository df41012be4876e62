# SPDX-License-Identifier: BSD-3-Clause
"""Each thing that can be missing at the start: status 1, an error line that names it, nothing left behind."""
import copy
import os

from lib import clients
from lib.baton import BATOND, VIP4, write
from lib.scene import Scene


def cases(d, t):
    """(what is wrong, settings, words of the error lines)"""
    port, lcore = d.settings["ports"][0], d.settings["lcores"][0]
    elsewhere = {**d.settings["device"], "run_dir": t.path("other", "x")[:-2]}

    def changed(**groups):
        return {**copy.deepcopy(d.settings), "device": elsewhere, **groups}
    public = t.path("public.key")
    with open(os.open(public, os.O_WRONLY | os.O_CREAT, 0o644), "w", encoding="utf-8") as f:
        f.write("0" * 64 + "\n")
    taken = [{**lcore, "tunnel": ["10.0.0.10", "2001:db8::10"]}, {**lcore, "tunnel": ["10.0.0.12", "2001:db8::12"], "snat": []}]
    yield "run directory in use", {**d.settings}, ["another batond", d.run_dir]
    yield "run directory below a file", changed(device={**elsewhere, "run_dir": d.config + "/run"}), ["run directory", d.config]
    yield "no such interface", changed(ports=[{**port, "device": "net_af_packet1,iface=nope0"}]), ["net_af_packet1,iface=nope0"]
    yield "no such driver", changed(ports=[{**port, "device": "net_nonsense0"}]), ["net_nonsense0"]
    yield "no such PCI device", changed(ports=[{**port, "device": "0000:ff:1f.7"}]), ["0000:ff:1f.7"]
    yield "too few queues", changed(lcores=taken), ["queues", "qpairs"]
    yield "no secret", changed(device={**elsewhere, "secret_file": "/nonexistent.key"}), ["/nonexistent.key"]
    yield "a secret that all can read", changed(device={**elsewhere, "secret_file": public}), [public]
    yield "no such CPU", changed(lcores=[{**lcore, "cpu": 1023}]), ["lcores[0]", "cpu=1023"]
    yield "memory too small", changed(memory={"hugepages": "off", "size_mb": 64, "packet_buffers": 200000}), ["size_mb"]
    yield "exception port's name taken", changed(ports=[{**port, "exception": "lo"}]), ["exception", "lo"]


def scenario(checks):
    with Scene(checks, hosts=1) as s:
        d, t = s.device, s.topology
        links = t.ip("device", "-brief link")
        for what, settings, words in cases(d, t):
            config = t.path("broken", "baton.conf")
            write(config, {**settings, "device": {**settings["device"], "vip_dir": os.path.join(os.path.dirname(d.config), "vips")}})
            r = t.run("device", BATOND, "--config", config, check=False)
            said = r.stdout + r.stderr
            named = [line for line in said.splitlines() if all(w in line for w in words)]
            checks.equal(f"{what}: status", r.returncode, 1)
            checks.true(f"{what}: one line says it", named, said)
            checks.equal(f"{what}: interfaces as before", t.ip("device", "-brief link"), links)
            run_dir = settings["device"]["run_dir"]
            left = os.listdir(run_dir) if run_dir != d.run_dir and os.path.isdir(run_dir) else []
            checks.true(f"{what}: nothing left", set(left) <= {"batond.lock"}, left)
        checks.equal("the one that runs goes on", clients.whoami(t, VIP4), "host1")
