# SPDX-License-Identifier: BSD-3-Clause
"""A client's trace on the device and on its host: the steps in their order, reasons of refusals, and nobody else's."""
import json
import signal

from lib import l7_clients
from lib.baton import BATONCTL, SPARE_VIP4, VIP4, VIP6, vip
from lib.l7_clients import RESET
from lib.l7_scene import L7, both, l7_vip
from lib.l7_segments import beside
from lib.shell import wait_for

OTHER4 = "10.0.0.61"
SILENT_PORT = 81  # nobody listens there
HANDED = ["miss", "syn_answered", "first_bytes", "head", "rule", "chosen", "offered", ("host_says", "implied"), "placed", "plumbed", "introduced"]
ON_HOST = ["created", "established", "told", "unwrapped"]
PLUMBED = ["miss", "chosen", "decided", "plumbed", "introduced", "final"]


class Trace:
    """batonctl trace in a namespace; rows as they come, without those about the trace itself."""

    number = 0

    def __init__(self, t, namespace, run_dir, *words):
        Trace.number += 1
        self.process = t.start(namespace, f"trace-{Trace.number}", BATONCTL, "--run-dir", run_dir, *words, "--json")
        self.process.wait_ready(lambda: any(r["event"] == "begin" for r in self.all()))

    def all(self):
        lines = self.process.log().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def rows(self):
        return [r for r in self.all() if r["event"] not in ("begin", "end")]

    def events(self):
        return [r["event"] for r in self.rows()]

    def has(self, wanted):
        """Do the wanted events, or one of several, stand in this order, others between them?"""
        events = iter(self.events())
        return all(any(e == w or e in w and isinstance(w, tuple) for e in events) for w in wanted)

    def wait(self, checks, what, wanted):
        try:
            wait_for(lambda: self.has(wanted), what, 10)
        finally:
            checks.true(what, self.has(wanted), self.events())

    def stop(self):
        return self.process.stop(signal.SIGINT)


def both_ends(t, s, client):
    host = s.agents["host2"]
    return Trace(t, "device", s.device.run_dir, "trace", client), Trace(t, "host2", host.run_dir, "host", "trace", client)


def handed_over(checks, s, address, client):
    t = s.topology
    device, host = both_ends(t, s, client)
    got = l7_clients.get(t, address, "any/b/small")
    checks.equal(f"{address}: fetched", (got.ended, got.host), (0, "host2"))
    device.wait(checks, f"{address}: steps on the device", HANDED)
    host.wait(checks, f"{address}: steps on the host", ON_HOST)
    rule = next(r for r in device.rows() if r["event"] == "rule")
    checks.true(f"{address}: rule and pool are named", "letter" in rule["text"] and "/b" in rule["text"], rule)
    ports = {(r["client"], r["client_port"], r["port"]) for r in device.rows() + host.rows()}
    checks.equal(f"{address}: one connection on both", (len(ports), {p[0] for p in ports}), (1, {client}))
    times = {r["event"]: r["time_ns"] for r in host.rows()}
    offered = next(r["time_ns"] for r in device.rows() if r["event"] == "offered")
    placed = next(r["time_ns"] for r in device.rows() if r["event"] == "placed")
    checks.true(f"{address}: the clocks agree", offered <= times["created"] <= placed, (offered, times, placed))
    for trace in (device, host):
        checks.equal(f"{address}: ended by Ctrl-C", trace.stop(), 0)


def refused(checks, s, client):
    t = s.topology
    device, host = both_ends(t, s, client)
    got = l7_clients.get(t, VIP4, "small", port=SILENT_PORT)
    checks.equal("refused: reset", got.ended, RESET)
    device.wait(checks, "refused: steps", ["offered", "host_says", "not_chosen", "reset_sent"])
    host.wait(checks, "refused: steps on the host", ["told"])
    for trace, event in ((device, "host_says"), (host, "told")):
        text = next((r["text"] for r in trace.rows() if r["event"] == event), "")
        checks.true(f"refused: {event} says why", "nothing listens" in text, trace.rows())
        trace.stop()


def plumbed(checks, s, client):
    t = s.topology
    device = Trace(t, "device", s.device.run_dir, "trace", client)
    l7_clients.get(t, SPARE_VIP4, "small")
    device.wait(checks, "by the first packet alone: steps", PLUMBED)
    device.stop()


def others(checks, s, client, other):
    t = s.topology
    device, host = both_ends(t, s, client)
    got = l7_clients.get(t, VIP4, "any/b/small", "--interface", other)
    checks.equal("another client is served", (got.ended, got.host), (0, "host2"))
    got = l7_clients.get(t, VIP4, "any/b/small")
    device.wait(checks, "while another client is there: steps on the device", HANDED)
    host.wait(checks, "while another client is there: steps on the host", ON_HOST)
    checks.equal("nothing of the other client", {r["client"] for r in device.rows() + host.rows()}, {client})
    device.stop()
    host.stop()


def bounds(checks, s):
    for words in ((), ("10.0.0.1:x",), ("10.0.0.1", "10.0.0.2")):
        checks.equal(f"trace {' '.join(words)}: refused", s.device.ctl("trace", *words, check=False).returncode, 2)
    t = s.topology
    many = [t.start("device", f"trace-many-{n}", BATONCTL, "--run-dir", s.device.run_dir, "trace", f"192.0.2.{n}", "--seconds", "2")
            for n in range(1, 13)]
    codes = [p.popen.wait(20) for p in many]
    checks.true("at most eight clients at once, the others are told", 0 in codes and codes.count(1) >= 4 and set(codes) == {0, 1}, codes)
    wait_for(lambda: s.device.ctl("trace", "192.0.2.9", "--seconds", 1, check=False).returncode == 0,
             "room when those that nobody asks for have ended", 30)


def scenario(checks):
    rules = [{"name": "letter", "path_prefix": ["/any/b/"], "pool": "b"}]
    vips = both("web", default=(1,), pools={"b": (2,)}, rules=rules)
    with L7(checks, vips + [l7_vip("silent", VIP4, SILENT_PORT, default=(2,)), vip("plain", SPARE_VIP4, hosts=(1,))], hosts=2) as s:
        t = s.topology
        beside(t, OTHER4)
        for address, client in ((VIP4, t.client4), (VIP6, t.client6)):
            handed_over(checks, s, address, client)
        refused(checks, s, t.client4)
        plumbed(checks, s, t.client4)
        others(checks, s, t.client4, OTHER4)
        bounds(checks, s)
