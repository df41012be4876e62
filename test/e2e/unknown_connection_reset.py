# SPDX-License-Identifier: BSD-3-Clause
"""The device forgets everything (restart): the client of an old connection gets a reset, or by policy nothing."""
import socket

from lib import clients
from lib.baton import VIP4, VIP6
from lib.scene import Scene


def ended_by_reset(sock):
    try:
        clients.request(sock, "whoami")
    except ConnectionResetError:
        return True
    return False


def silent(sock):
    sock.settimeout(2)
    try:
        clients.request(sock, "whoami")
    except socket.timeout:
        return True
    return False


def scenario(checks):
    for policy, outcome in (("reset", ended_by_reset), ("drop", silent)):
        with Scene(checks, hosts=2, unknown=policy) as s:
            open_before = {vip: clients.connect(s.topology, vip, 80) for vip in (VIP4, VIP6)}
            for sock in open_before.values():
                clients.request(sock, "whoami")
            checks.equal("device stopped", s.device.process.stop(), 0)
            s.device.start()
            s.resolved()
            for vip, sock in open_before.items():
                checks.true(f"policy {policy}: old connection to {vip}", outcome(sock))
                sock.close()
                checks.true(f"policy {policy}: new connection to {vip}", clients.whoami(s.topology, vip) in s.topology.hosts)
