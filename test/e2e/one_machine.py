# SPDX-License-Identifier: BSD-3-Clause
"""
Classifier and server on one machine, at the same address and port: connections to the VIP meet the classifier, which gives
them to the server here or to another host; connections to the machine's own address meet the server. batond and the agent
come and go without harm to each other and to the server.
"""
from lib import clients, servers
from lib.baton import VIP4, VIP6
from lib.capture import Capture
from lib.one_machine import APP, HOST4, HOST6, MACHINE, OWN4, OWN6, TAP, OneMachine
from lib.shell import wait_for

VIPS, OWN = (VIP4, VIP6), (OWN4, OWN6)


def fetched(checks, t, why, addresses, host, name="small", far=False):
    """From the folder that one host alone is to serve, or not."""
    path = "any/far/" + name if far else name
    for address in addresses:
        checks.equal(f"{why}: /{path} from {address}", clients.get_sha256(t, address, path),
                     (servers.sha256(servers.make_files(t)[name]), host))


def by_path(checks, m):
    t = m.topology
    at_client = Capture(t, "sw", "client")
    fetched(checks, t, "the VIP", VIPS, MACHINE, "big")
    fetched(checks, t, "the VIP", VIPS, "host1", "big", far=True)
    checks.equal("all of them were handed over", (m.counted("created"), m.counted("heads_http")), (4, 4))
    fetched(checks, t, "the machine's own address", OWN, MACHINE)
    fetched(checks, t, "the machine's own address, whatever the path", OWN, MACHINE, far=True)
    checks.equal("the classifier saw none of these", (m.counted("created"), m.counted("heads_http")), (4, 4))
    body = t.path("content", "upload")
    with open(servers.make_files(t)["big"], "rb") as big, open(body, "wb") as f:
        f.write(big.read(1 << 20))
    for address in VIPS + OWN:
        clients.curl(t, "--fail", "--upload-file", body, clients.url(address, f"upload/{address.replace(':', '-')}"))
        stored = t.path(MACHINE, "nginx-80", "files", "upload", address.replace(":", "-"))
        checks.equal(f"1 MB put to {address} arrived", servers.sha256(stored), servers.sha256(body))
    checks.equal("the client saw no reset", [f for f in at_client.stop() if f.protocol == 6 and f.tcp_flags & 4], [])


def from_itself(checks, t, why, addresses):
    for address in addresses + (HOST4, HOST6):
        checks.equal(f"{why}: the machine reaches its own server at {address}",
                     t.run(MACHINE, "curl", "--silent", "--globoff", "--max-time", 10, clients.url(address, "whoami"),
                           check=False).stdout, f"{MACHINE}\n")


def agent_comes_and_goes(checks, m):
    t, agent = m.topology, m.agents[MACHINE]
    open_one = [clients.connect(t, a, 80) for a in VIPS]
    for s in open_one:
        clients.request(s, "small")
    checks.equal("the agent ends well", agent.process.stop(), 0)
    wait_for(lambda: all(e["state"] != "usable" for e in m.device.show("endpoints") if e["name"] == "local"), "the agent's goodbye")
    for s in open_one:
        checks.equal("an open connection goes on without the agent", clients.request(s, "small", last=True)[0], 200)
    fetched(checks, t, "without the agent", VIPS, "host1", far=True)
    fetched(checks, t, "without the agent", OWN, MACHINE)
    agent.remove()
    checks.true("nothing of it is left", "clsact" not in t.run(MACHINE, "tc", "qdisc", "show", "dev", APP).stdout
                and VIP4 not in t.ip(MACHINE, "addr show dev lo"))
    fetched(checks, t, "the agent removed", OWN, MACHINE)
    agent.start()
    wait_for(lambda: {e["state"] for e in m.device.show("endpoints")} == {"usable"}, "the machine usable again")
    fetched(checks, t, "the agent is back", VIPS, MACHINE)


def batond_comes_and_goes(checks, m):
    t = m.topology
    checks.equal("batond ends well", m.device.process.stop(), 0)
    checks.true("its interface went with it, the agent's did not",
                TAP not in t.ip(MACHINE, "link show") and APP in t.ip(MACHINE, "link show"))
    from_itself(checks, t, "without batond", VIPS)
    m.start_device()
    fetched(checks, t, "batond is back", VIPS, MACHINE)
    fetched(checks, t, "batond is back", VIPS, "host1", far=True)
    fetched(checks, t, "batond is back", OWN, MACHINE)


def scenario(checks):
    with OneMachine(checks) as m:
        by_path(checks, m)
        from_itself(checks, m.topology, "all run", VIPS + OWN)
        agent_comes_and_goes(checks, m)
        batond_comes_and_goes(checks, m)
        from_itself(checks, m.topology, "in the end", VIPS + OWN)
