#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What live health costs batond and an agent: CPU of their threads, bytes on the link; as markdown tables.

Usage: report.py [--hosts 200] [--apps 5] [--seconds 30] [--load-ms 15000] [--flip-ms 1000]
"""
import argparse
import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "test"))
from lib.baton import BUILD, Agent, Batond, secret, vip  # noqa: E402
from lib.shell import run, wait_for  # noqa: E402
from lib.topology import DEVICE4, PORT, Topology  # noqa: E402

CROWD = os.path.join(BUILD, "test/bench/health/baton-bench-hosts")
HEALTH_PORT = 7472
AGENTS_OWN = "10.0.0.12"  # of the host with the one real agent


def host_address(i):
    return f"10.0.{2 + i // 250}.{1 + i % 250}"


def vip_address(a):
    return f"10.0.0.{101 + a}"


def vips(o):
    """One VIP for each application, over all hosts and the real one."""
    result = []
    for a in range(o.apps):
        v = vip(f"app{a}", vip_address(a), hosts=(), health="agent", unreachable="keep", capacity=50)
        v["endpoints"] = [{"host": h, "capacity": 50} for h in [host_address(i) for i in range(o.hosts)] + [AGENTS_OWN]]
        result.append(v)
    return result


def device(t, o):
    d = Batond(t, vips(o))
    d.settings["health"] = {"listen": DEVICE4}
    d.settings["ports"][0].update(exception="baton0", addresses=[f"{DEVICE4}/16"])
    return d.start()


def crowd_addresses(t, o):
    """All hosts of the crowd live in host1, so their link addresses are found."""
    batch = t.path("addresses")
    with open(batch, "w", encoding="utf-8") as f:
        f.writelines(f"addr add {host_address(i)}/32 dev {PORT}\n" for i in range(o.hosts))
    run("ip", "-n", t.name("host1"), "-batch", batch)


class Sample:
    """CPU time of each thread of a program, bytes and packets of an interface, counters of the device; all since start."""

    def __init__(self, t, process, port, counters=None):
        self.at = time.monotonic()
        self.threads = {}
        for tid in os.listdir(f"/proc/{process.pid}/task"):
            with open(f"/proc/{process.pid}/task/{tid}/comm", encoding="ascii") as f:
                name = f.read().strip()
            with open(f"/proc/{process.pid}/task/{tid}/schedstat", encoding="ascii") as f:
                self.threads[tid, name] = int(f.read().split()[0])
        text = t.ip(port, f"-s -o link show {PORT}")
        self.link = dict(zip(("rx_bytes", "tx_bytes", "rx_packets", "tx_packets"), interface(text)))
        self.counters = counters() if counters else {}


def interface(text):
    """rx and tx bytes, rx and tx packets, of one line of `ip -s -o link`."""
    words = text.replace("\\", " ").split()
    rx, tx = words.index("RX:"), words.index("TX:")
    numbers = [[int(w) for w in words[at:at + 20] if w.isdigit()][:2] for at in (rx, tx)]
    return numbers[0][0], numbers[1][0], numbers[0][1], numbers[1][1]


def measure(seconds, sample):
    before = sample()
    time.sleep(seconds)  # the measured span itself; rates are by the clock
    after = sample()
    return before, after


class Rates:
    def __init__(self, before, after):
        self.seconds = after.at - before.at
        self.cpu = {}
        for key, ns in after.threads.items():
            self.cpu[key[1]] = self.cpu.get(key[1], 0) + (ns - before.threads.get(key, 0)) / 1e7 / self.seconds
        self.link = {k: (v - before.link[k]) / self.seconds for k, v in after.link.items()}
        self.counters = {k: (v - before.counters.get(k, 0)) / self.seconds for k, v in after.counters.items()}


def device_counters(d):
    return {c["name"]: c["count"] for c in d.show("counters")}


def calm(d):
    """Nobody is greeted any more."""
    before = device_counters(d).get("hello", 0)
    time.sleep(2)
    return device_counters(d).get("hello", 0) == before


def crowd_run(t, o, d, load_ms, flip_ms):
    """Start the crowd, wait until it is settled, measure, stop it."""
    name = f"crowd-{load_ms}-{flip_ms}"
    p = t.start("host1", name, CROWD, DEVICE4, HEALTH_PORT, secret(t), o.hosts, o.apps, load_ms, flip_ms)
    p.wait_ready(lambda: "settled" in p.log(), 60)
    wait_for(lambda: sum(h["presence"] == "present" for h in d.show("hosts")) >= o.hosts, "hosts seen by the device")
    wait_for(lambda: calm(d), "all hosts greeted", 60)
    rates = Rates(*measure(o.seconds, lambda: Sample(t, d.process, "host1", lambda: device_counters(d))))
    p.stop()
    print(f"<!-- {name}: {p.log().splitlines()[-1]} -->", file=sys.stderr)
    wait_for(lambda: not any(h["presence"] == "present" for h in d.show("hosts")), "hosts aged out")
    return rates


def print_device(o, lines):
    threads = sorted({name for _, r in lines for name, cpu in r.cpu.items() if cpu >= 0.05})
    print(f"\n{o.hosts} hosts, {o.apps} applications each; batond's threads in % of one CPU:\n")
    print("| state | " + " | ".join(threads) + " | matches/s | views/s |")
    print("| --- |" + " --: |" * (len(threads) + 2))
    for name, r in lines:
        print(f"| {name} | " + " | ".join(f"{r.cpu.get(x, 0):.2f}" for x in threads)
              + f" | {r.counters.get('matches', 0):.1f} | {r.counters.get('views', 0):.1f} |")
    print("\n| state | to the device, packets/s | bytes/s | from it, packets/s | bytes/s | per host, bytes/s both ways |")
    print("| --- |" + " --: |" * 5)
    for name, r in lines:
        each = (r.link["rx_bytes"] + r.link["tx_bytes"]) / o.hosts
        print(f"| {name} | {r.link['tx_packets']:.0f} | {r.link['tx_bytes']:.0f} | {r.link['rx_packets']:.0f} "
              f"| {r.link['rx_bytes']:.0f} | {each:.0f} |")


def agent_run(t, o):
    """A real agent; nobody uses its applications, whose health is assumed."""
    agent = Agent(t, 2, vips=[vip_address(a) for a in range(o.apps)])
    agent.settings.update(name="host2", balancers=[f"{DEVICE4}:{HEALTH_PORT}"],
                          applications=[{"vip": vip_address(a), "port": 80, "health": "assumed"} for a in range(o.apps)])
    agent.start()

    def settled():
        rows = agent.rows().values()
        return len(rows) == o.apps and all(r["current"] == "active" for r in rows)

    wait_for(settled, "the agent's applications active")
    return Rates(*measure(o.seconds, lambda: Sample(t, agent.process, "host2")))


def print_agent(o, r):
    print(f"\nOne agent with {o.apps} applications:\n")
    print("| CPU, % | to the device, bytes/s | from it, bytes/s |")
    print("| --: | --: | --: |")
    print(f"| {sum(r.cpu.values()):.2f} | {r.link['tx_bytes']:.0f} | {r.link['rx_bytes']:.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("hosts", 200), ("apps", 5), ("seconds", 30), ("load-ms", 15000), ("flip-ms", 1000)):
        parser.add_argument(f"--{name}", type=int, default=value)
    o = parser.parse_args()
    with Topology(hosts=2) as t:
        crowd_addresses(t, o)
        d = device(t, o)
        idle = Rates(*measure(o.seconds, lambda: Sample(t, d.process, "host1", lambda: device_counters(d))))
        never = 3600000
        lines = [("no host", idle), ("heartbeats only", crowd_run(t, o, d, never, 0)),
                 ("and load reports", crowd_run(t, o, d, o.load_ms, 0)),
                 ("and health changes", crowd_run(t, o, d, o.load_ms, o.flip_ms))]
        print_device(o, lines)
        print_agent(o, agent_run(t, o))
    return 0


if __name__ == "__main__":
    sys.exit(main())
