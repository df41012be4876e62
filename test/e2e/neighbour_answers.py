# SPDX-License-Identifier: BSD-3-Clause
"""Who asks for a VIP, a tunnel, NAT or interface address gets the port's link address; others' are left alone."""
from lib import baton
from lib.link import Link, mac_of
from lib.scene import Scene
from lib.topology import DEVICE4, DEVICE6, PORT

STRANGER4, STRANGER6 = "10.0.0.77", "2001:db8::77"
ASKED = {DEVICE4: STRANGER4, baton.VIP4: STRANGER4, baton.TUNNEL4: STRANGER4, baton.SNAT4: STRANGER4,
         DEVICE6: STRANGER6, baton.VIP6: STRANGER6, baton.TUNNEL6: STRANGER6, baton.SNAT6: STRANGER6}


def scenario(checks):
    with Scene(checks, hosts=1, mode="full-nat") as scene:
        t = scene.topology
        port_mac = mac_of(t, "device", PORT)
        with Link(t, "client", PORT) as link:
            us = link.mac.hex(":")
            for address, stranger in ASKED.items():
                source = t.client6 if ":" in address else t.client4
                # packets are handled in turn, so an answer for the stranger would come first
                link.ask(stranger, source)
                link.ask(address, source)
                checks.equal(f"answer for {address}, none for {stranger}", link.answer(), (address, port_mac, us))
            link.ask(baton.VIP4, "0.0.0.0")
            checks.equal("ARP probe for the VIP", link.answer(), (baton.VIP4, port_mac, us))
            link.ask(baton.VIP6, "::")
            checks.equal("duplicate probe for the VIP", link.answer(), (baton.VIP6, port_mac, "33:33:00:00:00:01"))
            link.announce(baton.VIP4, bytes.fromhex("020000000066"))
            checks.equal("answer to somebody who claims the VIP", link.answer(), (baton.VIP4, port_mac, "ff:ff:ff:ff:ff:ff"))
