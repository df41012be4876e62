# SPDX-License-Identifier: BSD-3-Clause
"""curl sends 1 MB through the tunnel: full-size packets from the client reach the host as they were, no byte added."""
from collections import Counter

from lib import clients, servers
from lib.baton import TUNNEL4, TUNNEL6, VIP4, VIP6
from lib.capture import Capture
from lib.scene import Scene


def scenario(checks):
    with Scene(checks) as s:
        t = s.topology
        body = t.path("content", "upload")
        with open(servers.make_files(t)["big"], "rb") as big, open(body, "wb") as f:
            f.write(big.read(1 << 20))
        for vip, tunnel in ((VIP4, TUNNEL4), (VIP6, TUNNEL6)):
            at_client = Capture(t, "sw", "client")
            at_hosts = [Capture(t, "sw", host) for host in t.hosts]
            got = checks.step(f"POST 1 MB to {vip}", clients.post_sha256, t, vip, body)
            checks.equal(f"1 MB arrived at {vip}", got, servers.sha256(body))
            sent = [f for f in at_client.stop() if f.dst == vip and f.protocol == 6]
            arrived = [f for c in at_hosts for f in c.stop() if f.src == tunnel and f.protocol == 6]
            checks.true("client sent 1500-byte packets", sum(f.length == 1514 for f in sent) > 600,
                        Counter(f.length for f in sent))
            checks.equal("as many full-size packets arrive at the host", sum(f.length == 1514 for f in arrived),
                         sum(f.length == 1514 for f in sent))
            checks.equal("none is longer", max(f.length for f in arrived), 1514)
            checks.equal("no fragment", [f for f in sent + arrived if f.fragment], [])
            # the first packet of the flow travels inside its introduction, so it is the one length that may be missing
            missing = Counter(f.length for f in sent) - Counter(f.length for f in arrived)
            checks.true("no packet changed its length", sum(missing.values()) <= 1, missing)
