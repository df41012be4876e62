# SPDX-License-Identifier: BSD-3-Clause
"""
curl speaks HTTP to VIPs whose connections the device accepts itself, reads, and hands over to a host's kernel: the bytes
are the server's, the host answers the client directly, nobody sees a reset, and nothing is left when all is done.
"""
from collections import Counter

from lib import clients, servers
from lib.baton import VIP4, VIP6
from lib.capture import Capture
from lib.scene import Scene
from lib.shell import wait_for

SMALL = 30  # small downloads from each address
VIPS = ((4, VIP4), (6, VIP6))


def counted(device, group):
    """Counters of a group; those that are 0 are not shown."""
    return Counter({c["name"]: c["count"] for c in device.show("counters") if c["group"] == group})


def downloads(checks, s, t):
    for n, vip in VIPS:
        answered = set()
        for i in range(SMALL):
            digest, host = clients.get_sha256(t, vip, f"small?{n}-{i}")
            answered.add(host)
            if digest != s.wanted("small"):
                checks.equal(f"10 KB from {vip}, number {i}", digest, s.wanted("small"))
        checks.equal(f"{SMALL} small downloads from {vip} went to all hosts", answered, set(t.hosts))
        digest, host = clients.get_sha256(t, vip, f"big?{n}")
        checks.equal(f"20 MB from {vip}", digest, s.wanted("big"))
        log = s.nginx[host].logged(f"GET /big?{n}")
        checks.equal("the server's log shows the client and the VIP", (log[0], log[2], log[3]),
                     (t.client4 if n == 4 else t.client6, vip, "80"))


def uploads(checks, t):
    body = t.path("content", "upload")
    with open(servers.make_files(t)["big"], "rb") as big, open(body, "wb") as f:
        f.write(big.read(1 << 20))
    for _, vip in VIPS:
        checks.equal(f"1 MB arrived at {vip}", clients.post_sha256(t, vip, body), servers.sha256(body))


def scenario(checks):
    with Scene(checks, mode="application") as s:
        t = s.topology
        at_client = Capture(t, "sw", "client")
        downloads(checks, s, t)
        uploads(checks, t)
        frames = [f for f in at_client.stop() if f.protocol == 6]
        checks.equal("no reset, either side", [f for f in frames if f.tcp_flags & 4], [])
        checks.equal("no fragment", [f for f in frames if f.fragment], [])
        connections = 2 * (SMALL + 2)
        over = counted(s.device, "handover")
        checks.equal("every connection was handed over", (over["created"], over["heads_http"]), (connections, connections))
        checks.equal("no host refused one", over["refused_by_host"], 0)
        wait_for(lambda: not sum(c["connections"] + c["pending"] for c in s.device.show("classifiers")),
                 "the device to forget all connections", 90)
        checks.true("hosts said that connections ended", counted(s.device, "forwarder")["host_reports"] >= connections,
                    counted(s.device, "forwarder"))
        checks.equal("no report came from elsewhere", counted(s.device, "classifier")["reports_foreign"], 0)
