# SPDX-License-Identifier: BSD-3-Clause
"""batond is killed and started again: its knowledge of the hosts comes back from them alone, drained ones included."""
import signal
import time

from lib import clients
from lib.baton import VIP4, VIP6
from lib.live import app, tables_equal, wait_state
from lib.scene import Scene


def scenario(checks):
    with Scene(checks, live={}) as s:
        d = s.device
        s.agents["host2"].ctl("drain", "host2", "--reason", "upgrade")
        s.agents["host3"].ctl("host", "set", app(3), "--capacity", "70")
        tables_equal(checks, "tables are equal", d, s.agents.values())
        d.process.stop(signal.SIGKILL)
        d.start()
        started = time.monotonic()
        for host in ("host1", "host3"):
            checks.step(f"restarted: {host} is usable", wait_state, d, host, "usable")
        checks.note(f"batond restarted: hosts usable {round((time.monotonic() - started) * 1000)} ms after it was ready")
        tables_equal(checks, "restarted: tables are equal", d, s.agents.values())
        wait_state(d, "host2", "draining")
        for vip in (VIP4, VIP6):
            checks.equal(f"answers at {vip}", {clients.whoami(s.topology, vip, timeout=5) for _ in range(20)}, {"host1", "host3"})
