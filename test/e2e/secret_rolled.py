# SPDX-License-Identifier: BSD-3-Clause
"""The cluster secret is replaced under load: a second key everywhere, the new one first, the old one gone."""
import secrets
import signal

from lib.baton import VIP4, VIP6, secret
from lib.load import Load
from lib.scene import Scene
from lib.shell import wait_for


def write(path, *keys):
    with open(path, "w", encoding="utf-8") as f:
        f.write("".join(k + "\n" for k in keys))


def reload_agents(scene):
    for agent in scene.agents.values():
        done = agent.process.log().count("configuration reloaded")
        agent.process.send(signal.SIGHUP)
        wait_for(lambda a=agent, n=done: a.process.log().count("configuration reloaded") > n, f"{agent.host} reloaded")


def scenario(checks):
    with Scene(checks, hosts=2) as s:
        d, path = s.device, secret(s.topology)
        with open(path, encoding="utf-8") as f:
            old = f.read().strip()
        new = secrets.token_hex(32)
        load = Load(s.topology, [VIP4, VIP6], kept=3, fresh=3)
        load.wait_more(30)
        for step, keys in (("old and new", (old, new)), ("new and old", (new, old)), ("new alone", (new,))):
            write(path, *keys)
            checks.equal(f"{step}: device reloaded", d.ctl("reload").returncode, 0)
            load.wait_more(10)
            reload_agents(s)
            load.wait_more(30)
        write(path, "no key at all")
        r = d.ctl("reload", check=False)
        checks.true("a file without a key is refused by its name", r.returncode and path in r.stdout + r.stderr, r.stdout + r.stderr)
        load.wait_more(10)
        n, errors = load.stop()
        checks.equal(f"failed among {n} requests", errors[:5], [])
        shim = {c["name"]: c["value"] for c in d.show("drops") if c["name"].startswith("shim_") and c["value"]}
        checks.equal("nothing was refused for its key", shim, {})
