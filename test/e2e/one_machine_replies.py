# SPDX-License-Identifier: BSD-3-Clause
"""
Classifier and server on one machine with one network card, which is batond's: the server's answers to clients behind a
router leave through the forwarder, those of the machine's own address by the exception port.
"""
from lib import clients, servers
from lib.baton import VIP4, VIP6
from lib.capture import Capture
from lib.one_machine import MACHINE, OWN4, OWN6, OneMachine

FULL_SIZE = 20 * 1024 * 1024 // 1448  # segments in 20 MB


def scenario(checks):
    with OneMachine(checks, through_device=True) as m:
        t = m.topology
        wanted = {name: servers.sha256(path) for name, path in servers.make_files(t).items()}
        at_switch = Capture(t, "sw", MACHINE)
        for n, address in enumerate((VIP4, VIP6), 1):
            checks.equal(f"20 MB of the machine's server from {address}", clients.get_sha256(t, address, "big"), (wanted["big"], MACHINE))
            passed = m.counted("replies_passed")
            checks.true("its answers went through the forwarder", passed >= n * FULL_SIZE, passed)
            checks.equal(f"10 KB of another host from {address}", clients.get_sha256(t, address, "any/far/small"),
                         (wanted["small"], "host1"))
        before = m.counted("exception_from_kernel")
        checks.true("and not through the exception port", before < FULL_SIZE, before)
        large = [f for f in at_switch.stop() if f.protocol == 6 and f.src in (VIP4, VIP6) and f.length > 1400]
        hops = {f.data[22 if f.family == 4 else 21] for f in large}  # TTL, hop limit
        checks.equal("with one hop less", hops, {63})
        for address in (OWN4, OWN6):
            checks.equal(f"the machine's own address {address}", clients.get_sha256(t, address, "small"), (wanted["small"], MACHINE))
        checks.true("which the exception port carries", m.counted("exception_from_kernel") > before)
        checks.equal("no packet was dropped", [d for d in m.device.show("drops") if d["packets"]], [])
