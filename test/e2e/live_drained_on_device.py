# SPDX-License-Identifier: BSD-3-Clause
"""A host is drained on the device, which remembers it over a restart; established connections work to their end."""
import time

from lib import clients
from lib.arrivals import Arrivals, Held
from lib.baton import VIP4, VIP6
from lib.download import Download
from lib.live import totals, wait_state
from lib.scene import Scene
from lib.topology import host_addresses


def whys(device):
    return {e["why"] for e in device.show("endpoints") if e["name"] == "host2"}


def scenario(checks):
    with Scene(checks, live={}) as s:
        d = s.device
        with Arrivals(s.topology, (VIP4, VIP6)) as new, Held(s.topology, (VIP4, VIP6), s.agents) as held:
            downloads = [Download(s.topology, vip, "host2") for vip in (VIP4, VIP6)]
            event = time.monotonic()
            for address in host_addresses(2):
                checks.equal(f"{address} drained", d.ctl("device", "drain", address, "--reason", "rack is moved").returncode, 0)
            checks.step("new connections avoid it", new.wait_avoided, "host2")
            checks.note(f"drained on the device: last new connection there began {new.last_wrong_ms('host2', event)} ms after")
            checks.true("the reason is shown", all("rack is moved" in w for w in whys(d)), whys(d))
            before = totals(d, "host2")
            checks.equal("they go to the others", set(new.wait_more(100)), {"host1", "host3"})
            checks.equal("the host was given none", totals(d, "host2"), before)
            held.wait_more(s.agents)
            checks.equal("downloads from it arrive whole", [x.finish() for x in downloads], [s.wanted("big")] * 2)
            checks.equal("no established connection failed", held.failed(s.agents), {})
            checks.equal("no new connection failed", new.faults(), [])

        d.process.stop()
        d.start()
        for host in ("host1", "host3"):
            checks.step(f"restarted: {host} is usable", wait_state, d, host, "usable")
        checks.equal("host 2 is still left out", {clients.whoami(s.topology, VIP4) for _ in range(20)}, {"host1", "host3"})
        for address in host_addresses(2):
            checks.equal(f"{address} undrained", d.ctl("device", "undrain", address).returncode, 0)
        checks.step("it is usable again", wait_state, d, "host2", "usable")
        again = d.ctl("device", "undrain", "10.0.0.12", check=False)
        checks.true("what is not drained can't be undrained", again.returncode and "not drained" in again.stderr, again)
