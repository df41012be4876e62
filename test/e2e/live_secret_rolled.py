# SPDX-License-Identifier: BSD-3-Clause
"""The cluster secret is replaced step by step: the hosts are heard all the time, and news comes through at each step."""
from lib.arrivals import Arrivals
from lib.baton import VIP4, VIP6, secret
from lib.live import app, counter, events, tables_equal
from lib.scene import Scene
from lib.keys import another_key, reload_agents, write_secret


def scenario(checks):
    with Scene(checks, live={}) as s, Arrivals(s.topology, (VIP4, VIP6)) as new:
        d, path = s.device, secret(s.topology)
        with open(path, encoding="utf-8") as f:
            old = f.read().strip()
        fresh = another_key(old)
        for i, (step, keys) in enumerate((("old and new", (old, fresh)), ("new and old", (fresh, old)), ("new alone", (fresh,)))):
            write_secret(path, *keys)
            checks.equal(f"{step}: device reloaded", d.ctl("reload").returncode, 0)
            new.wait_more(20)
            reload_agents(s)
            s.agents["host2"].ctl("host", "set", app(2), "--capacity", str(20 + i))
            tables_equal(checks, f"{step}: tables are equal", d, s.agents.values())
        gone = events(d, "host_aged_out") + events(d, "host_restarted") + events(d, "host_left")
        checks.equal("no host was lost meanwhile", gone, [])
        refused = {name: counter(d, "seal", name) for name in ("unknown_key", "forged")}
        checks.equal("no frame was refused for its key", refused, {"unknown_key": 0, "forged": 0})
        checks.equal("no new connection failed", new.faults(), [])
