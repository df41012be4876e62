# SPDX-License-Identifier: BSD-3-Clause
"""TLS connections by server name and ALPN: the certificate that a client gets is that of the right pool's server."""
from lib import l7_clients, l7_servers
from lib.l7_scene import BOTH, L7, both

RULES = [
    {"name": "alpn", "alpn": ["special"], "pool": "b"},
    {"name": "a", "sni": ["a.test"], "pool": "a"},
    {"name": "b", "sni": ["*.b.test"], "pool": "b"},
    {"name": "no", "sni": ["no.test"], "refuse": "reset"},
]
NAMES = {"host1": ("a.test",), "host2": ("x.b.test", "y.b.test"), "host3": ("other.test",)}
LONG = ",".join(f"protocol-{n:04d}" * 18 for n in range(14))  # of ALPN: a ClientHello in several segments


def serve(t):
    return {host: l7_servers.Nginx(t, host, 443, tls=names) for host, names in NAMES.items()}


def names(checks, s, address):
    t = s.topology
    for host, hosts_names in NAMES.items():
        for name in hosts_names:
            for version in (("--tlsv1.3",), ("--tls-max", "1.2"), ("--http1.1",)):
                got = l7_clients.get_tls(t, address, name, "small", *version)
                checks.equal(f"{address}: {name} by curl {version[-1]}", (got.ended, got.host, got.header("X-Name"), got.sha256),
                             (0, host, name, s.wanted("small")))
    got = l7_clients.get_tls(t, address, "no.test", "small")
    checks.true(f"{address}: a name that is refused", got.ended and not got.status, got)


def sessions(checks, s, address):
    t = s.topology
    for name, words, subject, host, alpn in (
            ("a.test", ("-tls1_2",), "a.test", "host1", None),
            ("A.Test", ("-tls1_3", "-alpn", "http/1.1"), "a.test", "host1", "http/1.1"),
            ("y.b.test", ("-alpn", "h3,http/1.1"), "y.b.test", "host2", "http/1.1"),
            ("a.test", ("-alpn", "http/1.1,special"), "x.b.test", "host2", "http/1.1"),
            ("a.test", ("-alpn", f"http/1.1,{LONG}"), "a.test", "host1", "http/1.1"),
            (None, (), "other.test", "host3", None)):
        got = l7_clients.s_client(t, address, name, *words)
        checks.equal(f"{address}: openssl for {name} {' '.join(words)[:30]}", (got["subject"], got["host"], got["alpn"]),
                     (subject, host, alpn))


def scenario(checks):
    vips = both("tls", 443, default=(3,), pools={"a": (1,), "b": (2,)}, rules=RULES, application={"protocol": "tls"})
    with L7(checks, vips, serve) as s:
        for address in BOTH:
            names(checks, s, address)
            sessions(checks, s, address)
