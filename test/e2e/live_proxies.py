# SPDX-License-Identifier: BSD-3-Clause
"""Hosts that run no agent are watched by agents elsewhere; two of them watch the same host, and the more cautious counts."""
import signal

from lib import clients
from lib.baton import VIP4, VIP6
from lib.live import HTTP, PROBED, presence, reasons, states, totals, wait_state
from lib.scene import Scene
from lib.shell import wait_for

# host1 and host2 watch themselves without a datapath (NAT needs none); both watch host3, which runs no agent
PROXIES = ((1, 1), (2, 2), (1, 3), (2, 3))


def answers(s, n=30):
    return {clients.whoami(s.topology, (VIP4, VIP6)[i % 2]) for i in range(n)}


def scenario(checks):
    with Scene(checks, mode="full-nat", live={**PROBED, "probes": [HTTP]}, proxies=PROXIES) as s:
        d = s.device
        checks.equal("all answer", answers(s), set(s.topology.hosts))
        s.nginx["host3"].signal(signal.SIGKILL)
        checks.step("both proxies see it die", wait_state, d, "host3", "inactive")
        checks.true("each of them says why", all(reasons(d, f"host3.by.host{n}") for n in (1, 2)))
        before = totals(d, "host3")
        checks.equal("nobody goes there", answers(s), {"host1", "host2"})
        checks.equal("it was given none", totals(d, "host3"), before)
        s.nginx["host3"].start()
        checks.step("it is back", wait_state, d, "host3", "usable")

        cautious = s.proxies[1, 3]
        cautious.ctl("drain", "host3.by.host1", "--reason", "a word of one proxy")
        checks.step("one proxy's doubt is enough", wait_state, d, "host3", "draining")
        checks.true("its reason shows", any("a word of one proxy" in e["why"] for e in d.show("endpoints") if e["name"] == "host3"))
        cautious.process.kill()
        checks.step("a proxy that is gone has no say", wait_state, d, "host3", "usable")
        checks.equal("it has aged out", presence(d, "host3.by.host1"), "aged")
        checks.true("the host is used again", wait_for(lambda: "host3" in answers(s), "connections to host3") is not None)
        s.proxies[2, 3].process.stop()
        checks.step("with the last proxy the host goes", wait_state, d, "host3", "unheard")
        checks.equal("the others stay", {h: states(d, h) for h in ("host1", "host2")}, {"host1": {"usable"}, "host2": {"usable"}})
