# SPDX-License-Identifier: BSD-3-Clause
"""An agent restores a tunnel that is not batond's: real servers, real clients, TCP and UDP, IPv4 and IPv6."""
from lib import clients, servers
from lib.baton import VIP4, VIP6, Agent
from lib.capture import Capture
from lib.fake_forwarder import FakeForwarder
from lib.topology import Topology, host_addresses


def fetch(checks, t, what, udp=True):
    wanted = servers.sha256(servers.make_files(t)["small"]), "host1"
    for vip in (VIP4, VIP6):
        checks.equal(f"{what}: GET from {vip}", clients.get_sha256(t, vip, "small"), wanted)
        if udp:
            checks.equal(f"{what}: DNS from {vip}", clients.dns_query(t, vip, "who.test", 16), b"\x05host1")


def scenario(checks):
    with Topology(checks, hosts=1) as t:
        nginx = servers.Nginx(t, "host1")
        agent = Agent(t, 1).start()
        servers.dns(t, "host1")
        body = t.path("content", "upload")
        with open(servers.make_files(t)["big"], "rb") as f, open(body, "wb") as out:
            out.write(f.read(1 << 20))
        with FakeForwarder(t, "host1", host_addresses(1)) as f:
            fetch(checks, t, "checksums on the wire")
            capture = Capture(t, "sw", "host1")
            checks.equal("POST of 1 MB", clients.post_sha256(t, VIP4, body), servers.sha256(body))
            frames = capture.stop()
            checks.equal("largest frame to the host", max(x.length for x in frames if x.dst == host_addresses(1)[0]), 1514)
            checks.equal("fragments", [x for x in frames if x.fragment], [])
            checks.equal("no flow was unknown", (f.unknown, f.forged, f.errors), ([], 0, []))
        checks.true("client's address in the log", nginx.access_log()[0].startswith(t.client4 + " "), nginx.access_log())
        with FakeForwarder(t, "host1", host_addresses(1), lose=True) as f:
            fetch(checks, t, "introductions lost", udp=False)  # nobody sends a lost datagram again
            checks.equal("each flow was asked for, by genuine datagrams",
                         (set(f.unknown), f.forged, f.errors), (set(f.flows.values()), 0, []))
        with FakeForwarder(t, "host1", host_addresses(1), partial=True) as f:
            fetch(checks, t, "checksums left to the card")
            checks.equal("POST of 1 MB so", clients.post_sha256(t, VIP6, body), servers.sha256(body))
            checks.equal("faults", (f.unknown, f.forged, f.errors), ([], 0, []))
        with FakeForwarder(t, "host1", host_addresses(1), partial=True, lose=True) as f:
            fetch(checks, t, "both", udp=False)
            checks.equal("answers are right though the card was to do the checksum",
                         (set(f.unknown), f.forged, f.errors), (set(f.flows.values()), 0, []))
        status = agent.status()
        checks.equal("flows listed", {x["client"].rsplit(":", 1)[0].strip("[]") for x in status["flows"]}, {t.client4, t.client6})
        checks.equal("status of the agent", agent.process.stop(), 0)
