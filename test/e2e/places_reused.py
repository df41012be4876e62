# SPDX-License-Identifier: BSD-3-Clause
"""Thousands of short connections through a small route table: places and client ports come back, no answer is wrong."""
from lib import clients, servers
from lib.baton import VIP4, VIP6
from lib.scene import Scene
from lib.shell import Failed, wait_for

SHORT = {"syn": 2, "established": 30, "fin": 1, "closed": 1, "udp": 2}
CONNECTIONS = 3000
CLIENT_PORTS = "40000 40399"


def scenario(checks):
    sizes = {"ipv4": 1024, "ipv6": 1024, "connections": 2048}
    with Scene(checks, timeouts=SHORT, device={"routes": sizes}) as s:
        t = s.topology
        t.sysctl("client", f"net.ipv4.ip_local_port_range={CLIENT_PORTS}")
        with open(servers.make_files(t)["small"], "rb") as f:
            content = f.read()
        for vip in (VIP4, VIP6):
            wrong, failed, ports = 0, [], set()
            for _ in range(CONNECTIONS):
                try:
                    # the server closes first, so that the client's port is free again at once and the host's is not
                    with clients.connect(t, vip, 80, timeout=10) as sock:
                        ports.add(sock.getsockname()[1])
                        wrong += clients.request(sock, "small", last=True)[2] != content
                except (OSError, Failed) as e:
                    failed.append(str(e))
            checks.equal(f"wrong bodies at {vip}", wrong, 0)
            checks.equal(f"failed among {CONNECTIONS} connections at {vip}", (len(failed), failed[:3]), (0, []))
            checks.true(f"each client port was used several times at {vip}", len(ports) <= CONNECTIONS / 5, len(ports))
        checks.step("the table drains", wait_for, lambda: not s.device.show("routes"), "no route left", timeout=30)
