# SPDX-License-Identifier: BSD-3-Clause
"""One measurement: load for some seconds, and what CPU it cost."""
import json
import os
import time

from lib.baton import BUILD
from lib.clients import url
from lib.shell import Failed

LATENCY = os.path.join(BUILD, "test/bench/l7/baton-bench-latency")
WRK_SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wrk.lua")
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
# connections: enough to keep both cores busy; fewer where each one carries a long body
CONNECTIONS = {"1k": 32, "10k": 32, "100k": 32, "1m": 16, "10m": 8, "100m": 4}


def process_cpu(pids):
    """(user, system) seconds of the processes so far, with all their threads."""
    user = system = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            words = f.read().rsplit(")", 1)[1].split()
        user += int(words[11]) * TICK_S
        system += int(words[12]) * TICK_S
    return user, system


def core_busy(cpu):
    """(seconds a core was not idle, of them in softirq) so far."""
    with open("/proc/stat", encoding="ascii") as f:
        line = next(line for line in f if line.startswith(f"cpu{cpu} "))
    user, nice, system, _, _, irq, softirq, steal = map(int, line.split()[1:9])
    return (user + nice + system + irq + softirq + steal) * TICK_S, softirq * TICK_S


class Cost:
    """CPU used between two moments."""

    def __init__(self, scene, balancer):
        self.scene, self.balancer = scene, balancer
        self.before = self._now()

    def _now(self):
        return (time.monotonic(), *process_cpu(self.balancer.pids()), *core_busy(self.scene.balancer_cpu),
                core_busy(self.scene.other_cpu)[0], sum(process_cpu(self.balancer.host_pids())))

    def result(self):
        span, user, system, core, softirq, other, agents = (b - a for a, b in zip(self.before, self._now()))
        return {"span_s": span, "user_s": user, "system_s": system, "core_s": core, "core_softirq_s": softirq,
                "other_core_s": other, "agents_s": agents}


def load(scene, balancer, name, close, seconds):
    """wrk: two threads, one for each rule."""
    cost = Cost(scene, balancer)
    text = scene.run("wrk", "wrk", "--threads", 2, "--connections", CONNECTIONS[name], "--duration", f"{seconds}s", "--timeout", "10s",
                     "--script", WRK_SCRIPT, url(balancer.address, ""), "--", name, "close" if close else "keep",
                     timeout=seconds + 60)
    cost = cost.result()
    got = json.loads(text.splitlines()[-1])
    errors = got.pop("errors")
    if sum(errors.values()):
        got["errors"] = errors
    if not got["bytes"]:
        raise Failed(f"{balancer.name}: not a byte of {name}:\n{text}")
    return {**got, **cost}


def latency(scene, balancer, fresh, requests):
    """One small request at a time."""
    cost = Cost(scene, balancer)
    text = scene.run("latency", LATENCY, balancer.address, 80, "/api/1k", "fresh" if fresh else "kept", requests, timeout=120)
    return {**json.loads(text), **cost.result()}


def idle(scene, balancer, seconds):
    cost = Cost(scene, balancer)
    time.sleep(seconds)  # the measured span itself
    return cost.result()


def plan(scene, o):
    """[(name of the test, function of a balancer)]"""
    tests = [("idle", lambda b: idle(scene, b, o.seconds)),
             ("close 1k", lambda b: load(scene, b, "1k", True, o.seconds)),
             ("latency fresh", lambda b: latency(scene, b, True, o.requests)),
             ("latency kept", lambda b: latency(scene, b, False, o.requests))]
    return tests + [(f"keep {name}", lambda b, name=name: load(scene, b, name, False, o.seconds)) for name in o.objects]
