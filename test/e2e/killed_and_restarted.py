# SPDX-License-Identifier: BSD-3-Clause
"""batond killed and started again in the same run directory: new connections at once, old ones by policy, nothing left over."""
import os
import signal

from lib import clients
from lib.baton import VIP4, VIP6
from lib.scene import Scene

ROUNDS = 3


def ended_by_reset(sock):
    try:
        clients.request(sock, "whoami")
    except ConnectionResetError:
        return True
    return False


def scenario(checks):
    with Scene(checks, hosts=2) as s:
        d, t = s.device, s.topology
        for n in range(1, ROUNDS + 1):
            old = {vip: clients.connect(t, vip, 80) for vip in (VIP4, VIP6)}
            for sock in old.values():
                clients.request(sock, "whoami")
            checks.equal(f"{n}: killed", d.process.stop(signal.SIGKILL), -signal.SIGKILL)
            d.start()
            for vip, sock in old.items():
                checks.true(f"{n}: new connection to {vip}", clients.whoami(t, vip) in t.hosts)
                checks.true(f"{n}: old connection to {vip} gets its reset", ended_by_reset(sock))
                sock.close()
            s.resolved()
        checks.equal("status after SIGTERM", d.process.stop(), 0)
        checks.equal("left in the run directory", os.listdir(d.run_dir), ["batond.lock"])
