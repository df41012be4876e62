# SPDX-License-Identifier: BSD-3-Clause
"""The cluster secret is replaced under load: a second key everywhere, the new one first, the old one gone."""
from lib.baton import VIP4, VIP6, secret
from lib.keys import another_key, reload_agents, write_secret
from lib.load import Load
from lib.scene import Scene


def scenario(checks):
    with Scene(checks, hosts=2) as s:
        d, path = s.device, secret(s.topology)
        with open(path, encoding="utf-8") as f:
            old = f.read().strip()
        new = another_key(old)
        load = Load(s.topology, [VIP4, VIP6], kept=3, fresh=3)
        load.wait_more(30)
        for step, keys in (("old and new", (old, new)), ("new and old", (new, old)), ("new alone", (new,))):
            write_secret(path, *keys)
            checks.equal(f"{step}: device reloaded", d.ctl("reload").returncode, 0)
            load.wait_more(10)
            reload_agents(s)
            load.wait_more(30)
        write_secret(path, "no key at all")
        r = d.ctl("reload", check=False)
        checks.true("a file without a key is refused by its name", r.returncode and path in r.stdout + r.stderr, r.stdout + r.stderr)
        load.wait_more(10)
        n, errors = load.stop()
        checks.equal(f"failed among {n} requests", errors[:5], [])
        shim = {c["name"]: c["value"] for c in d.show("drops") if c["name"].startswith("shim_") and c["value"]}
        checks.equal("nothing was refused for its key", shim, {})
