# SPDX-License-Identifier: BSD-3-Clause
"""Live health: what the device knows of the hosts and what they know of themselves."""
import json

from lib.baton import HEARTBEAT_MS
from lib.shell import Failed, wait_for
from lib.topology import host_addresses

HTTP = {"type": "http", "path": "/whoami", "interval_ms": 100, "timeout_ms": 200, "rise": 2, "fall": 2}
TCP = {"type": "tcp", "interval_ms": 100, "timeout_ms": 200, "rise": 2, "fall": 2}
PROBED = {"health": "reported"}  # nothing but the probes beside it is believed
AGED_OUT_MS = 3 * HEARTBEAT_MS


def app(n, v6=False):
    """The web server of host n, as people write it."""
    address = host_addresses(n)[v6]
    return f"tcp/any:80@[{address}]:80" if v6 else f"tcp/any:80@{address}:80"


def _end(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def shown_app(row):
    """A row of `show apps`, as people write its application."""
    vip = row["vip"] or "any"
    specific = f"#{row['specific']}" if row["specific"] else ""
    return f"{row['protocol']}/{_end(vip, row['vip_port'])}@{_end(row['address'], row['port'])}{specific}"


def device_table(device):
    """{host: {application: (health, target, current, capacity, load, reason)}}"""
    table = {h["host"]: {} for h in device.show("hosts") if h["presence"] == "present"}
    for r in device.show("apps"):
        table.setdefault(r["host"], {})[shown_app(r)] = (r["state"], r["target"], r["current"], r["capacity"],
                                                        r["load_percent"], r["why"])
    return table


def host_table(agent):
    rows = json.loads(agent.ctl("host", "list", "--json").stdout)
    return {r["app"]: (r["health"], r["target"], r["current"], r["capacity"], int(r["load"]), r["reason"]) for r in rows}


def presence(device, host):
    return next((h["presence"] for h in device.show("hosts") if h["host"] == host), None)


def states(device, host):
    """What the device does with a host's endpoints, without repetitions."""
    return {e["state"] for e in device.show("endpoints") if e["name"] == host}


def totals(device, host):
    """New connections that each of a host's endpoints was given."""
    return {e["vip"]: e["total"] for e in device.show("endpoints") if e["name"] == host}


def events(device, event, host=None):
    """Newest first."""
    return [e for e in device.show("events") if e["event"] == event and host in (None, e["host"])]


def reasons(device, host):
    return {r["why"] for r in device.show("apps") if r["host"] == host}


def counter(device, group, name):
    return sum(c["count"] for c in device.show("counters") if (c["group"], c["name"]) == (group, name))


def tables_equal(checks, what, device, agents, timeout=30):
    """A check: the device knows of every host what the host itself knows."""
    seen = {}

    def equal():
        seen.update(device=device_table(device), hosts={a.host: host_table(a) for a in agents})
        return seen["device"] == seen["hosts"]
    try:
        wait_for(equal, "equal tables", timeout, every=0.1)
        checks.result(what, True)
    except Failed:
        checks.equal(what, seen["device"], seen["hosts"])


def wait_state(device, host, state, timeout=20):
    wait_for(lambda: states(device, host) == {state}, f"endpoints of {host} {state}", timeout)
