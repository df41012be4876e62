# SPDX-License-Identifier: BSD-3-Clause
"""A removed endpoint's download goes on to its end; then nothing of the endpoint is left. A removed VIP ends at once."""
import socket

from lib import clients, servers
from lib.baton import SPARE_VIP4, VIP4, VIP6, vip
from lib.scene import Scene
from lib.shell import Failed, wait_for


class Download:
    """A response read slowly, by hand."""

    def __init__(self, topology, address, name):
        self.sock = clients.connect(topology, address, 80)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self.sock.sendall(f"GET /{name} HTTP/1.1\r\nHost: vip\r\nConnection: close\r\n\r\n".encode())
        self.data = b""

    def read(self, n=1 << 20):
        """Up to n bytes more; false at the end."""
        end = len(self.data) + n
        while len(self.data) < end:
            got = self.sock.recv(1 << 16)
            if not got:
                return False
            self.data += got
        return True

    def body(self):
        return self.data.split(b"\r\n\r\n", 1)[1]


def silent(sock):
    """Is a connection that never idles no longer answered?"""
    try:
        clients.request(sock, "whoami")
    except (OSError, Failed):
        return True
    return False


def scenario(checks):
    short = {"fin": 1, "closed": 1}
    with Scene(checks, hosts=2, timeouts=short, more_vips=[vip("spare", SPARE_VIP4, hosts=(2,))]) as s:
        d, t = s.device, s.topology
        with open(servers.make_files(t)["big"], "rb") as f:
            big = f.read()
        for name, address in (("web4", VIP4), ("web6", VIP6)):
            d.vips[name] = vip(name, address, hosts=(2,), timeouts=short)
        checks.equal("only host 2 gets connections", d.reload().returncode, 0)
        downloads = {address: Download(t, address, "big") for address in (VIP4, VIP6)}
        for download in downloads.values():
            download.read()
        for name, address in (("web4", VIP4), ("web6", VIP6)):
            d.vips[name] = vip(name, address, hosts=(1,), timeouts=short)
        checks.equal("reload without host 2", d.reload().returncode, 0)
        checks.equal("new connections go elsewhere", [clients.whoami(t, a) for a in (VIP4, VIP6)], ["host1", "host1"])
        checks.equal("the endpoint is shown as retired",
                     [e["state"] for e in d.show("endpoints") if e["host"] == "10.0.0.12" and e["vip"] == "web4"], ["retired"])
        for address, download in downloads.items():
            while download.read():
                pass
            checks.true(f"download from {address} is whole", download.body() == big, len(download.body()))
            download.sock.close()
        checks.step("nothing is left of the removed endpoints", wait_for,
                    lambda: not [e for e in d.show("endpoints") if e["state"] == "retired"], "retired endpoints gone", timeout=40)

        busy = clients.connect(t, SPARE_VIP4, 80, timeout=3)
        clients.request(busy, "whoami")
        del d.vips["spare"]
        checks.equal("reload without the VIP", d.reload().returncode, 0)
        checks.step("its busy connection ends", wait_for, lambda: silent(busy), "no answer any more")
        checks.step("no route to it is left", wait_for,
                    lambda: not [r for r in d.show("routes") if r["address"] == SPARE_VIP4], "routes gone", timeout=30)
        checks.step("the removed VIP's endpoint goes", wait_for,
                    lambda: not [e for e in d.show("endpoints") if e["state"] == "retired"], "retired endpoints gone", timeout=40)

        d.vips["other"] = vip("other", SPARE_VIP4, hosts=(1,))
        checks.equal("another VIP with other endpoints", d.reload().returncode, 0)
        checks.equal("it begins with nothing counted", [(e["total"], e["packets"]) for e in d.show("endpoints") if e["vip"] == "other"],
                     [(0, 0)])
        checks.step("it serves", wait_for, lambda: answers(t, SPARE_VIP4, "host1"), "answer from host 1")
        busy.close()


def answers(topology, address, host):
    try:
        return clients.whoami(topology, address, timeout=2) == host
    except Failed:
        return False
