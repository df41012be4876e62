# SPDX-License-Identifier: BSD-3-Clause
"""Connections go where earlier ones with the same cookie, header, client, server name or TLS session went; health comes first."""
import os

from lib import l7_clients, l7_servers
from lib.l7_scene import BOTH, L7, both
from lib.shell import wait_for
from lib.topology import host_addresses

HOSTS = (1, 2, 3)
PORTS = {"cookie": 80, "header": 8001, "client": 8002, "server": 8003}
TLS_PORTS = {"sni": 443, "tls-session": 8443}
VALUES = [f"user{n}" for n in range(9)]
NAMES = tuple(f"n{n}.test" for n in range(8))


def vips():
    named = {"cookie": "session", "header": "X-User", "server": "stay"}
    out = []
    for by, port in {**PORTS, **TLS_PORTS}.items():
        affinity = [{"by": by, **({"name": named[by]} if by in named else {})}]
        protocol = "tls" if port in TLS_PORTS.values() else "http"
        out += both(by, port, default=HOSTS, affinity=affinity, application={"protocol": protocol})
    return out


def serve(t):
    for host in t.hosts:
        for port in PORTS.values():
            l7_servers.Nginx(t, host, port)
        for port in TLS_PORTS.values():
            l7_servers.Nginx(t, host, port, tls=NAMES)


def who(t, address, by, value):
    words = {"cookie": ("-H", f"Cookie: a=b; session={value}"), "header": ("-H", f"X-User: {value}"), "client": (),
             "server": ("-H", f"Cookie: stay={value}")}[by]
    return l7_clients.get(t, address, "whoami", *words, port=PORTS[by]).host


def by_value(checks, s, address, by):
    """The same value, the same host; values spread over all hosts."""
    t = s.topology
    first = {v: who(t, address, by, v) for v in VALUES}
    again = {v: who(t, address, by, v) for v in reversed(VALUES)}
    checks.equal(f"{address}: the same {by}, the same host", again, first)
    checks.equal(f"{address}: {by}s are spread over all hosts", set(first.values()), {f"host{n}" for n in HOSTS})
    return first


def by_client(checks, s, address):
    got = {who(s.topology, address, "client", None) for _ in range(9)}
    checks.true(f"{address}: the same client, the same host", len(got) == 1 and None not in got, got)


def by_server(checks, s, address):
    """The cookie names the host, alone or after a dot; any other value chooses by load."""
    t = s.topology
    for n in HOSTS:
        checks.equal(f"{address}: the cookie names host{n}", [who(t, address, "server", v) for v in (f"host{n}", f"x.host{n}", f"host{n}")],
                     [f"host{n}"] * 3)
    checks.equal(f"{address}: a cookie that names nobody", {who(t, address, "server", "nobody") for _ in range(9)}, {f"host{n}" for n in HOSTS})


def by_sni(checks, s, address):
    t = s.topology
    hosts = {n: {l7_clients.get_tls(t, address, n, "whoami").host for _ in range(3)} for n in NAMES}
    checks.true(f"{address}: the same server name, the same host", all(len(h) == 1 and None not in h for h in hosts.values()), hosts)
    checks.true(f"{address}: server names are spread", len(set.union(*hosts.values())) > 1, hosts)


def by_session(checks, s, address):
    """Whoever shows the same session comes to the same host; what servers say of sessions goes past the device."""
    t = s.topology
    saved = t.path("client", "session.pem")
    shown = []
    for _ in range(3):
        if os.path.exists(saved):
            os.unlink(saved)
        l7_clients.s_client(t, address, NAMES[0], "-tls1_2", "-sess_out", saved, port=TLS_PORTS["tls-session"])
        shown.append({l7_clients.s_client(t, address, NAMES[0], "-tls1_2", "-sess_in", saved, port=TLS_PORTS["tls-session"])["host"]
                      for _ in range(4)})
    checks.true(f"{address}: the same TLS session, the same host", all(len(h) == 1 and None not in h for h in shown), shown)


def health_first(checks, s, address, first):
    """A drained host gets nobody, whatever is remembered; what is remembered anew stays."""
    t, d = s.topology, s.device
    host1 = host_addresses(1)[":" in address]
    d.ctl("device", "drain", host1)
    checks.step(f"{address}: a drained host gets nobody", wait_for,
                lambda: "host1" not in {who(t, address, "cookie", v) for v in VALUES}, "host1 left out", timeout=10)
    moved = {v: who(t, address, "cookie", v) for v in VALUES}
    checks.equal(f"{address}: the others stay where they were", {v: h for v, h in moved.items() if first[v] != "host1"},
                 {v: h for v, h in first.items() if h != "host1"})
    d.ctl("device", "undrain", host1)
    checks.equal(f"{address}: they stay when it is back", {v: who(t, address, "cookie", v) for v in VALUES}, moved)


def scenario(checks):
    with L7(checks, vips(), serve) as s:
        for address in BOTH:
            first = by_value(checks, s, address, "cookie")
            by_value(checks, s, address, "header")
            by_client(checks, s, address)
            by_server(checks, s, address)
            by_sni(checks, s, address)
            by_session(checks, s, address)
            health_first(checks, s, address, first)
