# SPDX-License-Identifier: BSD-3-Clause
"""iperf3 over UDP through the tunnel: full-size datagrams arrive, in order, at the rate they are sent."""
import json

from lib import servers
from lib.baton import VIP4, VIP6, vip
from lib.scene import Scene


def scenario(checks):
    vips = [vip(f"{proto}{n}", a, 5201, proto, hosts=(1,)) for n, a in ((4, VIP4), (6, VIP6)) for proto in ("tcp", "udp")]
    with Scene(checks, hosts=1, more_vips=vips) as s:
        for address, payload in ((VIP4, 1472), (VIP6, 1452)):
            servers.iperf3(s.topology, "host1", address)
            r = s.topology.run("client", "iperf3", "--client", address, "--udp", "--bitrate", "20M", "--length", payload,
                               "--time", 2, "--json", check=False)
            end = json.loads(r.stdout).get("end", {})
            total = end.get("sum", {})
            checks.true(f"datagrams of 1500 bytes to {address}", total.get("packets", 0) > 1000, r.stdout[-2000:])
            checks.true(f"they arrive, {address}", total.get("lost_percent", 100) < 1, total)
