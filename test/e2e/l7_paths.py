# SPDX-License-Identifier: BSD-3-Clause
"""Rules by path, host, header, cookie, method, query and client: each request gets to its pool, is refused or answered."""
from lib import clients, l7_clients
from lib.l7_clients import RESET, SILENCE
from lib.l7_scene import BOTH, L7, both
from lib.l7_segments import beside

OTHER_CLIENT4, OTHER_CLIENT6 = "10.0.0.61", "2001:db8::61"
RULES = [
    {"name": "reset", "path": ["/reset"], "refuse": "reset"},
    {"name": "drop", "path": ["/drop"], "refuse": "drop"},
    {"name": "moved", "path": ["/old"], "answer": {"status": 302, "location": "/any/new/small", "body": "over there\n"}},
    {"name": "client", "client": [f"{OTHER_CLIENT4}/32", f"{OTHER_CLIENT6}/128"], "pool": "b"},
    {"name": "images", "path_prefix": ["/any/images/"], "not_path_suffix": ["/whoami"], "pool": "a"},
    {"name": "versions", "path_regex": ["^/any/v[0-9]+/"], "pool": "b"},
    {"name": "host", "host": ["b.test", "*.b.test"], "pool": "b"},
    {"name": "header", "header": [{"name": "X-Kind", "value": ["a"]}], "pool": "a"},
    {"name": "cookie", "cookie": [{"name": "pool", "value": ["b"]}], "pool": "b"},
    {"name": "method", "method": ["HEAD"], "pool": "a"},
    {"name": "parameter", "parameter": [{"name": "pool", "value": ["b"]}], "pool": "b"},
    {"name": "two", "header": [{"name": "X-One"}, {"name": "X-Two", "prefix": ["ab"]}], "pool": "a"},
]
POOLS = {"a": (1,), "b": (2,)}
A, B, DEFAULT = "host1", "host2", "host3"
CASES = [
    ("path prefix", "any/images/small", (), A),
    ("but not with this suffix", "any/images/whoami", (), DEFAULT),
    ("regex", "any/v17/small", (), B),
    ("regex does not match", "any/vx/small", (), DEFAULT),
    ("host", "small", ("-H", "Host: B.test:80"), B),
    ("host by wildcard", "small", ("-H", "Host: x.y.b.test"), B),
    ("another host", "small", ("-H", "Host: xb.test"), DEFAULT),
    ("header", "small", ("-H", "x-kind: a"), A),
    ("header with another value", "small", ("-H", "X-Kind: ab"), DEFAULT),
    ("cookie among others", "small", ("-H", "Cookie: x=1; pool=b; y=2"), B),
    ("cookie with another value", "small", ("-H", "Cookie: x=pool=b"), DEFAULT),
    ("method", "small", ("--head",), A),
    ("parameter", "small?x=1&pool=b", (), B),
    ("two conditions", "small", ("-H", "X-One: 1", "-H", "X-Two: abc"), A),
    ("one of two", "small", ("-H", "X-Two: abc"), DEFAULT),
    ("nothing", "small", (), DEFAULT),
]


def pools(checks, s, address, other):
    t = s.topology
    contents = {True: s.wanted("small"), False: None}
    for name, path, words, host in CASES:
        got = l7_clients.get(t, address, path, *words)
        good = "--head" in words or path.endswith("whoami") or got.sha256 == contents[True]
        checks.true(f"{address}: {name}", got.ended == 0 and got.status == 200 and got.host == host and good, got)
    got = l7_clients.get(t, address, "small", "--interface", other)
    checks.equal(f"{address}: client", (got.host, got.sha256), (B, s.wanted("small")))
    with clients.connect(t, address, 80) as sock:
        hosts = [clients.request(sock, path)[1] for path in ("any/images/small", "small", "any/v1/small", "any/images/small")]
        checks.true(f"{address}: a connection stays where its first request went", all(f"X-Host: {A}" in h for h in hosts), hosts)


def refusals(checks, s, address):
    t = s.topology
    got = l7_clients.get(t, address, "reset")
    checks.equal(f"{address}: refused by a reset", (got.ended, got.status), (RESET, 0))
    got = l7_clients.get(t, address, "drop", timeout=1)
    checks.equal(f"{address}: dropped in silence", (got.ended, got.status), (SILENCE, 0))
    got = l7_clients.get(t, address, "old")
    checks.equal(f"{address}: answered", (got.ended, got.status, got.header("Location"), got.body),
                 (0, 302, "/any/new/small", b"over there\n"))
    got = l7_clients.get(t, address, "old", "--location")
    checks.equal(f"{address}: and followed", (got.ended, got.status, got.host, got.sha256), (0, 200, DEFAULT, s.wanted("small")))


def scenario(checks):
    with L7(checks, both("web", default=(3,), pools=POOLS, rules=RULES)) as s:
        for other in (OTHER_CLIENT4, OTHER_CLIENT6):
            beside(s.topology, other)
        for address, other in zip(BOTH, (OTHER_CLIENT4, OTHER_CLIENT6)):
            pools(checks, s, address, other)
            refusals(checks, s, address)
