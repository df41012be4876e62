# SPDX-License-Identifier: BSD-3-Clause
"""The test bed itself: client and hosts talk directly, so a failure elsewhere is baton's."""
import json

from lib import clients, servers
from lib.capture import Capture
from lib.load import Load
from lib.topology import Topology, host_addresses


def scenario(checks):
    with Topology(checks, hosts=2) as t:
        nginx = {n: servers.Nginx(t, f"host{n}") for n in (1, 2)}
        wanted = servers.sha256(servers.make_files(t)["big"])
        for n in nginx:
            for address in host_addresses(n):
                capture = Capture(t, "sw", f"host{n}")
                got = clients.get_sha256(t, address, "big")
                frames = [f for f in capture.stop() if f.sport == 80]
                checks.equal(f"20 MB from host {n} at {address}", got, (wanted, f"host{n}"))
                checks.equal(f"largest frame from {address}", max(f.length for f in frames), 1514)
                checks.equal(f"IP length fits the frame, {address}", [f for f in frames if f.length > 60 and f.length != 14 + f.ip_length], [])
        checks.true("client's address in the log", nginx[1].logged("GET /big")[0] == t.client4)
        servers.dns(t, "host1")
        checks.equal("DNS answer", clients.dns_query(t, host_addresses(1)[0], "a.test", 1), bytes([192, 0, 2, 7]))
        checks.equal("DNS text over IPv6", clients.dns_query(t, host_addresses(1)[1], "who.test", 16), b"\x05host1")
        servers.iperf3(t, "host1", host_addresses(1)[1])
        r = t.run("client", "iperf3", "--client", host_addresses(1)[1], "--udp", "--bitrate", "10M", "--time", 1, "--json")
        checks.true("iperf3 datagrams arrive", json.loads(r.stdout)["end"]["sum"]["lost_percent"] < 1, r.stdout)
        checks.equal("echo replies", clients.ping(t, host_addresses(1)[0]), 3)
        w = clients.wrk(t, host_addresses(1)[0], "small", 200, 2)
        body = t.path("content", "big")
        checks.equal("POST of 20 MB", clients.post_sha256(t, host_addresses(2)[0], body), wanted)
        clients.curl(t, "--fail", "--upload-file", body, clients.url(host_addresses(2)[0], "upload/x"))
        checks.equal("PUT of 20 MB", nginx[2].stored("x"), wanted)
        load = Load(t, host_addresses(1))
        load.wait_more(100)
        n, errors = load.stop()
        checks.equal("steady load", (n > 200, errors), (True, []))
        checks.true("wrk", w.requests > 100 and not w.errors and not w.bad_status, w.text)
        t.cable("host1", False)
        checks.true("unplugged host is away", clients.curl(t, "--connect-timeout", "1", clients.url(host_addresses(1)[0], "whoami"),
                                                           check=False).returncode)
        t.cable("host1", True)
        checks.step("plugged in again", clients.whoami, t, host_addresses(1)[0])
