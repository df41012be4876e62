# SPDX-License-Identifier: BSD-3-Clause
"""Agents are stopped and started one after the other under load: no request fails, no byte is wrong."""
import signal

from lib.baton import VIP4, VIP6
from lib.load import Load
from lib.scene import Scene


def scenario(checks):
    with Scene(checks) as s:
        load = Load(s.topology, [VIP4, VIP6])
        load.wait_more(50)
        for host, agent in s.agents.items():
            crash = host == "host2"
            status = agent.process.stop(signal.SIGKILL if crash else signal.SIGTERM)
            checks.equal(f"status of the agent of {host}", status, -signal.SIGKILL if crash else 0)
            load.wait_more(50)  # its BPF programs go on without it
            agent.start()
            answered = load.wait_more(50)
            checks.true(f"{host} takes part again", host in answered["fresh"], answered)
        n, errors = load.stop()
        checks.equal(f"failed among {n} requests", errors[:5], [])
