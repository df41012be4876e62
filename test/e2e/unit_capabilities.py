# SPDX-License-Identifier: BSD-3-Clause
"""The capabilities that the systemd units leave to the programs are enough: start, reload, traffic, exception port, restart."""
import os
import re
import signal

from lib import baton, clients
from lib.baton import VIP4, VIP6
from lib.scene import Scene

UNITS = os.path.join(baton.BUILD, "conf")


def confined(unit, program):
    """Command prefix that leaves only what the unit grants."""
    with open(os.path.join(UNITS, unit), encoding="utf-8") as f:
        granted = re.search(r"^CapabilityBoundingSet=(.+)$", f.read(), re.M)[1].split()
    words = ",".join(["-all"] + ["+" + c.removeprefix("CAP_").lower() for c in granted])
    return ["setpriv", f"--bounding-set={words}", f"--inh-caps={words}", "--no-new-privs", program]


def capabilities(process):
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as f:
        return bin(int(re.search(r"^CapEff:\s*(\w+)", f.read(), re.M)[1], 16)).count("1")


class Confined(Scene):
    """The usual scene, restarted with the units' capabilities."""

    def confine(self):
        t = self.topology
        start = t.start

        def start_confined(short, name, program, *words, **kwargs):
            unit = {baton.BATOND: "batond.service", baton.AGENT: "baton-agent.service"}.get(program)
            return start(short, name, *(confined(unit, program) if unit else [program]), *words, **kwargs)
        t.start = start_confined


def scenario(checks):
    with Confined(checks, hosts=1) as s:
        d, agent = s.device, s.agents["host1"]
        checks.equal("device stopped", d.process.stop(), 0)
        checks.equal("agent stopped", agent.process.stop(), 0)
        checks.equal("agent removed", agent.remove().returncode, 0)
        s.confine()
        d.settings["ports"][0]["exception"] = "bt0"
        agent.start()
        d.start()
        checks.equal("capabilities of batond", capabilities(d.process), 3)
        checks.equal("capabilities of baton-agent", capabilities(agent.process), 4)
        s.resolved()
        for address in (VIP4, VIP6):
            digest, _ = clients.get_sha256(s.topology, address, "big")
            checks.equal(f"20 MB from {address}", digest, s.wanted("big"))
        checks.equal("reload", d.reload().returncode, 0)
        checks.true("exception port", "bt0" in s.topology.ip("device", "-brief link"))
        with clients.connect(s.topology, VIP4, 80) as sock:
            clients.request(sock, "whoami")
            checks.equal("agent killed", agent.process.stop(signal.SIGKILL), -signal.SIGKILL)
            agent.start()
            checks.equal("the connection outlives the agent", clients.request(sock, "whoami")[2], b"host1\n")
        checks.equal("device stopped again", d.process.stop(), 0)
