# SPDX-License-Identifier: BSD-3-Clause
"""Routes end by idle time, each state and protocol by its own; what is used in time stays."""
import signal

from lib import clients, servers
from lib.baton import VIP4, VIP6, vip
from lib.scene import Scene
from lib.shell import wait_for

FOREVER = 30000
NAMES = ("syn", "established", "fin", "closed")


def states(device, address):
    return sorted(r["state"] for r in device.show("routes") if r["address"] == address)


def timeouts(device, **short):
    """Those named are 1 s, the others endless."""
    for name, address in (("web4", VIP4), ("web6", VIP6)):
        device.vips[name] = vip(name, address, timeouts={**{n: FOREVER for n in NAMES}, **short})
    device.reload()


def scenario(checks):
    dns = [vip("dns4", VIP4, 53, "udp", timeouts={"udp": FOREVER})]
    with Scene(checks, timeouts={n: 1 for n in NAMES}, more_vips=dns) as s:
        d, t = s.device, s.topology
        for host in t.hosts:
            servers.dns(t, host)
        checks.step("finished connections are gone", wait_for, lambda: not d.show("routes"), "no route", timeout=30)

        timeouts(d)
        with clients.connect(t, VIP4, 80) as sock, clients.connect(t, VIP6, 80) as sock6:
            clients.request(sock, "whoami")
            clients.request(sock6, "whoami")
            timeouts(d, established=1)
            checks.step("established ones end by idle time", wait_for,
                        lambda: not states(d, VIP4) + states(d, VIP6), "no route", timeout=30)
            timeouts(d)
            for nginx in s.nginx.values():
                nginx.signal(signal.SIGSTOP)  # or it would close as well, and the host say that all is over
            clients.connect(t, VIP4, 80).close()
            checks.step("the client's FIN alone makes fin", wait_for, lambda: states(d, VIP4) == ["fin"], "one in fin")
            timeouts(d, fin=1)
            checks.step("fin ends by idle time", wait_for, lambda: not states(d, VIP4), "no route", timeout=30)
            for nginx in s.nginx.values():
                nginx.signal(signal.SIGCONT)

        timeouts(d)
        checks.equal("DNS", clients.dns_query(t, VIP4, "a.test", 1), bytes([192, 0, 2, 7]))
        checks.equal("UDP has a state of its own", states(d, VIP4), ["udp"])
        d.vips["dns4"] = vip("dns4", VIP4, 53, "udp", timeouts={"udp": 1})
        d.reload()
        checks.step("UDP ends by idle time", wait_for, lambda: not states(d, VIP4), "no route", timeout=30)
