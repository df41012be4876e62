# SPDX-License-Identifier: BSD-3-Clause
"""Connections go on while an agent is stopped, killed, started again, reloaded well and badly."""
import signal

from lib import clients, servers
from lib.baton import VIP4, VIP6, Agent, write
from lib.fake_forwarder import FakeForwarder
from lib.shell import wait_for
from lib.topology import Topology, host_addresses


def reload(agent, settings, said):
    before = agent.process.log().count(said)
    write(agent.config, settings)
    agent.process.send(signal.SIGHUP)
    wait_for(lambda: agent.process.log().count(said) > before, f"the agent says '{said}'")


def changed(agent, **keys):
    return {"agent": {**agent.settings, **keys}}


def scenario(checks):
    with Topology(checks, hosts=1) as t:
        servers.Nginx(t, "host1")
        agent = Agent(t, 1).start()
        with open(servers.make_files(t)["small"], "rb") as f:
            small = f.read()
        with FakeForwarder(t, "host1", host_addresses(1)) as f:
            sockets = {vip: clients.connect(t, vip, 80) for vip in (VIP4, VIP6)}

            def still(what):
                for vip, s in sockets.items():
                    status, _, body = clients.request(s, "small")
                    checks.equal(f"{what}: {vip} answers on the old connection", (status, body == small), (200, True))

            still("at first")
            checks.equal("status after SIGTERM", agent.process.stop(), 0)
            still("agent stopped")
            agent.start()
            still("agent started again")
            agent.process.stop(signal.SIGKILL)
            still("agent killed")
            agent.start()
            still("agent started once more")

            said = "not reloaded, the old one stays"
            reload(agent, changed(agent, vips=["10.0.0.300"]), said)
            checks.true("the bad key is named", 'agent.vips' in agent.process.log() and "10.0.0.300" in agent.process.log())
            reload(agent, changed(agent, max_flows=5), said)
            reload(agent, changed(agent, secret_file="/nonexistent"), said)
            still("bad files")
            checks.true("addresses stay", VIP4 in t.ip("host1", "addr show lo") and VIP6 in t.ip("host1", "addr show lo"))

            reload(agent, changed(agent, vips=[VIP4, VIP6, "10.0.0.177"]), "configuration reloaded")
            checks.true("a new address comes", "10.0.0.177/32" in t.ip("host1", "addr show lo"))
            still("one address more")
            checks.equal("nothing was introduced twice", (f.unknown, f.errors), ([], []))
            reload(agent, changed(agent, vips=[VIP6]), "configuration reloaded")
            checks.true("removed addresses go", "10.0.0." not in t.ip("host1", "addr show lo"))
            wait_for(lambda: all(x["vip"] == f"[{VIP6}]:80" for x in agent.status()["flows"]), "flows of removed addresses are gone")
            del sockets[VIP4]
            still("one address left")
            again = [i for i in f.unknown if (6, i) in f.by_id]
            checks.equal("its flow was not introduced twice", (again, f.errors), ([], []))
