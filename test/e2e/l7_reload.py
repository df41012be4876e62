# SPDX-License-Identifier: BSD-3-Clause
"""Rules, pools and affinities change by reload under load: no request fails, new connections follow the new rules, old ones stay."""
from lib import clients, l7_clients
from lib.l7_scene import BOTH, L7, both
from lib.load import Load
from lib.shell import wait_for

POOLS = {"a": (1,), "b": (2,)}


def rules(pool, *more):
    return [*more, {"name": "small", "path": ["/small"], "pool": pool}]


def settings(**changes):
    return {v["name"]: v for v in both("web", default=(3,), **{"pools": POOLS, **changes})}


def scenario(checks):
    with L7(checks, both("web", default=(3,), pools=POOLS, rules=rules("a"))) as s:
        t, d = s.topology, s.device
        load = Load(t, BOTH, kept=4, fresh=4)
        checks.equal("by the first rules", load.wait_more(50), {"kept": {"host1"}, "fresh": {"host1"}})
        for round_ in range(4):
            pool, host = (("b", "host2"), ("a", "host1"))[round_ % 2]
            d.vips = settings(rules=rules(pool))
            checks.equal(f"{round_}: reload", d.reload().returncode, 0)
            checks.step(f"{round_}: new connections follow", wait_for, lambda h=host: load.wait_more(30)["fresh"] == {h}, "follow")
            checks.equal(f"{round_}: old ones stay", load.wait_more(30)["kept"], {"host1"})
        d.vips = settings(pools={"a": (1,), "c": (2, 3)}, rules=rules("c", {"path": ["/whoami"], "refuse": "reset"}))
        checks.equal("reload: a pool goes, another comes", d.reload().returncode, 0)
        checks.step("its hosts get the connections", wait_for, lambda: load.wait_more(40)["fresh"] == {"host2", "host3"}, "both")
        checks.equal("the new rule refuses", {l7_clients.get(t, a, "whoami").ended for a in BOTH}, {l7_clients.RESET})
        d.vips = settings(rules=rules("a", {"path_regex": ["(unfinished"], "pool": "b"}))
        refused = d.reload(check=False)
        checks.true("a rule that can not be is refused, with its place", refused.returncode and "web4.conf" in refused.stdout + refused.stderr and "unfinished" in refused.stdout + refused.stderr,
                    refused.stdout + refused.stderr)
        checks.equal("the old rules hold", load.wait_more(40)["fresh"], {"host2", "host3"})
        d.vips = settings(pools={}, rules=[])
        checks.equal("reload without rules", d.reload().returncode, 0)
        checks.step("the VIP's own endpoints serve", wait_for, lambda: load.wait_more(30)["fresh"] == {"host3"}, "host3")
        with clients.connect(t, BOTH[0], 80) as sock:
            checks.equal("whoami is not refused any more", clients.request(sock, "whoami")[2], b"host3\n")
        n, errors = load.stop()
        checks.equal(f"failed among {n} requests", errors[:5], [])
