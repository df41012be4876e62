# SPDX-License-Identifier: BSD-3-Clause
"""A route goes when the host reports the end of its connection, at once if nothing lingers there; by idle time when the report is lost."""
import os
import signal
import socket
import struct

from lib import clients, l7_clients, l7_servers
from lib.faults import Faults
from lib.l7_scene import BOTH, FORWARDERS, L7, both
from lib.shell import wait_for

FOREVER = {**{name: 3000 for name in ("syn", "established", "fin")}, "closed": 1}
SHORT = {**FOREVER, "fin": 1}
PORT_FOREVER, PORT_SHORT = 80, 8080


def serve(t):
    return {host: [l7_servers.Nginx(t, host, port) for port in (PORT_FOREVER, PORT_SHORT)] for host in t.hosts}


def no_route(s):
    return not s.device.show("routes") and s.device.show("classifiers")[0]["connections"] == 0


def ended_by_host(s, address, port):
    with clients.connect(s.topology, address, port) as sock:
        clients.request(sock, "whoami", last=True)


def ended_by_client(s, address, port):
    with clients.connect(s.topology, address, port) as sock:
        clients.request(sock, "whoami")


def reset_by_client(s, address, port):
    sock = clients.connect(s.topology, address, port)
    clients.request(sock, "whoami")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


ENDS = (ended_by_host, ended_by_client, reset_by_client)


def scenario(checks):
    vips = both("forever", PORT_FOREVER, timeouts=FOREVER) + both("short", PORT_SHORT, timeouts=SHORT)
    with L7(checks, vips, serve, hosts=1) as s:
        s.topology.sysctl("host1", "net.ipv4.tcp_fin_timeout=2")
        for address in BOTH:
            for end in ENDS:
                name, before = f"{address}, {end.__name__.replace('_', ' ')}", s.counted("ended_by_host")
                end(s, address, PORT_FOREVER)
                if end is ended_by_host:  # whose socket lingers, for the client's last packets
                    checks.step(f"{name}: the route is closed", wait_for,
                                lambda: [r["state"] for r in s.device.show("routes")] == ["closed"], "closed")
                else:
                    checks.step(f"{name}: the host's word ends it", wait_for, lambda n=before: s.counted("ended_by_host") == n + 1, "end")
                checks.step(f"{name}: the route goes", wait_for, lambda: no_route(s), "no route")
            before = s.counted("ended_by_host")
            got = {l7_clients.get(s.topology, address, "whoami").status for _ in range(20)}
            checks.equal(f"{address}: twenty more", got, {200})
            checks.step(f"{address}: the host's word ends them all", wait_for, lambda n=before: s.counted("ended_by_host") == n + 20, "ends")
            checks.true(f"{address}: their routes are gone with that", no_route(s), s.device.show("routes"))
        killed_server(checks, s)
        with Faults(s.topology, ["device"], FORWARDERS) as f:
            f.set(0, ["shim_ended"], drop=100)
            for address in BOTH:
                for end in ENDS:
                    end(s, address, PORT_SHORT)
            checks.step("reports are lost: routes go by idle time", wait_for, lambda: no_route(s), "no route", timeout=75)
            checks.step("and they were lost", wait_for, lambda: f.total("shim_ended")["dropped"] >= len(ENDS), "lost reports", timeout=75)


def killed_server(checks, s):
    socks = [clients.connect(s.topology, address, PORT_FOREVER) for address in BOTH]
    for sock in socks:
        clients.request(sock, "whoami")
    os.killpg(s.servers["host1"][0].process.pid, signal.SIGKILL)
    for sock in socks:
        sock.close()
    checks.step("a killed server: routes go", wait_for, lambda: no_route(s), "no route", timeout=75)
