# SPDX-License-Identifier: BSD-3-Clause
"""Rules and pools of a VIP in mode application as batonctl shows them, over drains and reloads that change or refuse them."""
from lib.baton import VIP4, Batond, vip
from lib.shell import wait_for
from lib.topology import Topology, host_addresses

APPLICATION = {"protocol": "http", "otherwise": "reset"}


def pool(name, host):
    return {"name": name, "endpoints": [{"name": f"h{host}", "host": host_addresses(host)[0]}]}


def shop(pools, rules):
    return vip("shop", VIP4, mode="application", hosts=(1,), unreachable="keep", application=APPLICATION,
               affinity=[{"by": "cookie", "name": "S"}], pools=pools, rules=rules)


TO_API = {"name": "api", "path_prefix": ["/api/"], "pool": "api"}
TO_IMG = {"path_regex": ["(?i)\\.png$"], "pool": "img"}
BOTS = {"name": "bots", "header": [{"name": "User-Agent", "regex": ["nikto"]}], "answer": {"status": 403, "body": "no\n"}}


def services(device):
    return {v["name"]: v for v in device.show("vips")}


def rules(device):
    return [(r["vip"], r["number"], r["rule"], r["action"], r["pool"], r["hits"]) for r in device.show("rules")]


def states(device, *filters):
    return sorted((e["vip"], e["host"], e["state"]) for e in device.show("endpoints", *filters))


def shown_check(checks, device):
    v = services(device)
    checks.equal("the VIP and its pool", sorted(v), ["shop", "shop/api"])
    checks.equal("as configured", [v["shop"][k] for k in ("mode", "application", "pool_of", "endpoints")], ["application", "http", "", 1])
    checks.equal("the pool's own", [v["shop/api"][k] for k in ("mode", "application", "pool_of", "endpoints")],
                 ["application", "", "shop", 1])
    checks.equal("rules in order, and the row of no rule", rules(device), [
        ("shop", 1, "bots", "answer", "", 0), ("shop", 2, "api", "pool", "api", 0), ("shop", 0, "", "none", "default", 0)])
    checks.equal("a VIP's endpoints are its pools' too", states(device, "--vip", "shop"),
                 [("shop", host_addresses(1)[0], "usable"), ("shop/api", host_addresses(2)[0], "usable")])
    checks.equal("or one pool's alone", [e["vip"] for e in device.show("endpoints", "--vip", "shop/api")], ["shop/api"])


def drain_check(checks, device):
    checks.equal("drain a pool's host by its name", device.ctl("device", "drain", "h2").returncode, 0)
    checks.step("it counts for the pool", wait_for, lambda: states(device)[1][2] == "drained", "drained")
    checks.equal("and for nothing else", (states(device)[0][2], services(device)["shop/api"]["usable"]), ("usable", 0))
    checks.equal("undrain", device.ctl("device", "undrain", "h2").returncode, 0)


def scenario(checks):
    with Topology(checks, hosts=3) as t:
        device = Batond(t, [shop([pool("api", 2)], [BOTS, TO_API])]).start()
        shown_check(checks, device)
        drain_check(checks, device)

        api = services(device)["shop/api"]["id"]
        device.vips["shop"] = shop([pool("img", 3), pool("api", 2)], [TO_IMG, TO_API])
        checks.equal("reload with another pool before it", device.reload().returncode, 0)
        checks.equal("both are there", sorted(services(device)), ["shop", "shop/api", "shop/img"])
        checks.equal("the old one has kept its id", services(device)["shop/api"]["id"], api)
        checks.equal("rules are the new ones", [r[2:5] for r in rules(device)],
                     [("1", "pool", "img"), ("api", "pool", "api"), ("", "none", "default")])

        before = rules(device), states(device)
        device.vips["shop"] = shop([pool("api", 2)], [TO_API, {**TO_API, "name": "two", "pool": "apo"}])
        refused = device.reload(check=False)
        checks.equal("a rule to no pool is refused", refused.returncode, 1)
        checks.true("by file, line and name", "shop.conf:" in refused.stdout + refused.stderr
                    and 'vip.rules[1].pool: there is no pool "apo"; did you mean "api"?' in refused.stdout + refused.stderr,
                    refused.stdout + refused.stderr)
        device.vips["shop"] = shop([pool("api", 2)], [{"path_regex": ["("], "pool": "api"}])
        checks.equal("so is a regular expression that is none", device.reload(check=False).returncode, 1)
        checks.equal("and all is as it was", (rules(device), states(device)), before)

        device.vips["shop"] = shop([pool("img", 3)], [TO_IMG])
        checks.equal("reload without the first pool", device.reload().returncode, 0)
        checks.step("nothing is left of it", wait_for, lambda: sorted(services(device)) == ["shop", "shop/img"]
                    and {e[0] for e in states(device)} == {"shop", "shop/img"}, "pool gone", timeout=30)
        checks.equal("ends by itself on SIGTERM", device.process.stop(), 0)
