# SPDX-License-Identifier: BSD-3-Clause
"""A host gets another link address without saying so: the device finds it, traffic goes on."""
from lib import baton, clients
from lib.link import mac_of
from lib.scene import Scene
from lib.shell import wait_for
from lib.topology import PORT, host_addresses

NEW_MAC = "02:00:00:00:00:77"


def macs(device):
    return {r["address"]: r["mac"] for r in device.show("neighbours") if r["state"] in ("reachable", "probe")}


def scenario(checks):
    with Scene(checks, hosts=1, mode="full-nat") as scene:
        t, device = scene.topology, scene.device
        old_mac = mac_of(t, "host1", PORT)
        checks.equal("link address at first", macs(device), dict.fromkeys(host_addresses(1), old_mac))
        wanted = scene.wanted("big"), "host1"
        for address in (baton.VIP4, baton.VIP6):
            checks.equal(f"20 MB from {address} before", clients.get_sha256(t, address, "big"), wanted)
        connection = clients.connect(t, baton.VIP4, 80)
        checks.equal("request on a connection that will outlive the move", clients.request(connection, "whoami")[2], b"host1\n")
        t.ip("host1", f"link set {PORT} address {NEW_MAC}")
        checks.step("new link address found", wait_for,
                    lambda: macs(device) == dict.fromkeys(host_addresses(1), NEW_MAC), "both next hops with the new one")
        for address in (baton.VIP4, baton.VIP6):
            checks.equal(f"20 MB from {address} after", clients.get_sha256(t, address, "big"), wanted)
        checks.equal("the old connection goes on", clients.request(connection, "whoami")[2], b"host1\n")
        connection.close()
