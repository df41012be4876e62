# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of layer 7 are made with, without a balancer: every server, every client, every way to cut a request."""
from lib import l7_clients, l7_segments, l7_servers, servers
from lib.frames import ACK
from lib.topology import Topology, host_addresses

NAMES = ("a.test", "b.test")
REQUEST = b"GET /small HTTP/1.1\r\nHost: a.test\r\n\r\n"


def makes(checks, t, addresses, wanted):
    for number, make in enumerate(l7_servers.ALL):
        port = 8000 + number
        make(t, "host1", port, name=f"{make.make}.host1")
        for address in addresses:
            got = l7_clients.get(t, address, "any/word/small", port=port)
            checks.equal(f"{make.make} at {address}", (got.sha256, got.host), (wanted, f"{make.make}.host1"))


def tls(checks, t, addresses, wanted):
    l7_servers.Nginx(t, "host1", 443, workers=2, reuseport=True, tls=NAMES)
    for address in addresses:
        for name in NAMES:
            for version in (("--tlsv1.3",), ("--tls-max", "1.2")):
                got = l7_clients.get_tls(t, address, name, "small", *version)
                checks.equal(f"curl {version[-1]} asks {address} for {name}", (got.sha256, got.header("X-Name")), (wanted, name))
        seen = l7_clients.s_client(t, address, NAMES[1], "-tls1_2", "-alpn", "http/1.1")
        checks.equal(f"openssl asks {address}", (seen["subject"], seen["version"], seen["alpn"], seen["verified"]),
                     (NAMES[1], "TLSv1.2", "http/1.1", "0"))


def segments(checks, t, addresses, body):
    l7_segments.own_addresses(t)
    for address in addresses:
        for options in ({}, {"timestamps": False}, {"sack": False, "wscale": None}):
            with l7_segments.Segments(t, address, to="host1", **options) as s:
                s.connect(None)
                for start, end in ((5, None), (0, 7), (3, None)):
                    s.segment(start, REQUEST[start:end])
                checks.true(f"{address}, {options}: out of order and twice", s.answer()[1] == body)
                checks.equal(f"{address}, {options}: options", {k: s.agreed[k] for k in options}, options)
                s.segment(len(REQUEST), REQUEST, ACK, damaged=True)
                s.deliver(REQUEST, len(REQUEST))
                checks.true(f"{address}, {options}: again after damage", s.answer()[1] == body)
                s.finish(2 * len(REQUEST))


def browser(checks, t, addresses, wanted):
    page = t.path("page.html")
    with open(page, "w", encoding="utf-8") as f:
        f.write(l7_clients.page([(f"/any/{n}/small", wanted if n else "wrong", "host1") for n in range(10)]))
    l7_servers.Nginx(t, "host1", 80).add_file("page.html", page)
    for address in addresses:
        text = l7_clients.chromium(t, address, "http://a.test", "page.html")
        checks.true(f"Chromium at {address}: nine resources right, the one expected wrong found",
                    text.startswith("9 right; /any/0/small: 200 from host1"), text)


def scenario(checks):
    with Topology(checks, hosts=1) as t:
        addresses = host_addresses(1)
        for address in addresses:
            t.run("client", "ping", "-c", "1", "-W", "5", address)  # link addresses are known from here on
        source = servers.make_files(t)["small"]
        wanted = servers.sha256(source)
        with open(source, "rb") as f:
            body = f.read()
        makes(checks, t, addresses, wanted)
        tls(checks, t, addresses, wanted)
        browser(checks, t, addresses, wanted)
        segments(checks, t, addresses, body)
        checks.equal("wget", l7_clients.wget(t, addresses[0], "small"), wanted)
