# SPDX-License-Identifier: BSD-3-Clause
"""A bad file is refused with file, line and reason, and the running configuration stays as it was."""
import os

from lib import clients
from lib.baton import BATOND, SPARE_VIP4, VIP4, vip
from lib.scene import Scene


def scenario(checks):
    with Scene(checks, hosts=1) as s:
        d, t = s.device, s.topology
        before = d.show("vips")
        d.vips["more"] = vip("more", SPARE_VIP4, hosts=(1,), capacity=120)
        for how, r in (("reload", d.reload(check=False)),
                       ("--check", t.run("device", BATOND, "--check", "--config", d.config, check=False))):
            said = r.stdout + r.stderr
            checks.true(f"{how}: value out of range refused", r.returncode, said)
            checks.true(f"{how}: file, key and value named",
                        "more.conf:" in said and "capacity" in said and "120" in said, said)
        with open(os.path.join(os.path.dirname(d.config), "vips", "more.conf"), "w", encoding="utf-8") as f:
            f.write('vip = {\n name = "more";\n address = \n')
        r = d.ctl("reload", check=False)
        checks.true("syntax error refused, with its line", r.returncode and "more.conf:" in r.stdout + r.stderr,
                    r.stdout + r.stderr)
        checks.equal("VIPs as before", [v["name"] for v in d.show("vips")], [v["name"] for v in before])
        checks.equal("service as before", clients.whoami(t, VIP4), "host1")
        checks.true("still running", d.process.running())
