# SPDX-License-Identifier: BSD-3-Clause
"""curl fetches 20 MB through the tunnel: the bytes are the server's, the packets full-size, the client's address known."""
from lib import clients
from lib.baton import TUNNEL4, TUNNEL6, VIP4, VIP6
from lib.capture import Capture
from lib.scene import Scene


def scenario(checks):
    with Scene(checks) as s:
        t = s.topology
        for n, vip, tunnel, client in ((4, VIP4, TUNNEL4, t.client4), (6, VIP6, TUNNEL6, t.client6)):
            at_client = Capture(t, "sw", "client")
            at_hosts = {host: Capture(t, "sw", host) for host in t.hosts}
            digest, host = clients.get_sha256(t, vip, f"big?{n}")
            checks.equal(f"20 MB from {vip}", digest, s.wanted("big"))
            frames = {h: c.stop() for h, c in at_hosts.items()}
            tunneled = [f for f in frames[host] if f.src == tunnel]
            replies = [f for f in frames[host] if f.src == vip]
            checks.true(f"requests reach {host} from {tunnel} only", tunneled and not [f for f in frames[host] if f.src == client
                        and f.dst == vip])
            checks.true(f"replies leave {host} with source {vip}", len(replies) > 1000, len(replies))
            checks.equal("replies are full-size", max(f.length for f in replies), 1514)
            checks.equal("no other host had a part in it", [h for h in frames if h != host and any(f.src == tunnel for f in frames[h])], [])
            received = [f for f in at_client.stop() if f.src == vip]
            checks.equal("no fragment, either side", [f for f in received + frames[host] if f.fragment], [])
            log = s.nginx[host].logged(f"GET /big?{n}")
            checks.equal("the server's log shows the client and the VIP", (log[0], log[2], log[3]), (client, vip, "80"))
