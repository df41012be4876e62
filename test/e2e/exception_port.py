# SPDX-License-Identifier: BSD-3-Clause
"""With an exception port the device's kernel serves its interface addresses; without one it is not there."""
import json

from lib import baton, clients, servers
from lib.shell import wait_for
from lib.topology import DEVICE4, DEVICE6, PORT, Topology

TAP = "baton0"
HTTP_PORT = 8080


def vips():
    return [baton.vip("web", baton.VIP4, hosts=[1], mode="full-nat"), baton.vip("web6", baton.VIP6, hosts=[1], mode="full-nat")]


def interfaces(topology):
    return {i["ifname"]: i for i in json.loads(topology.ip("device", "-j addr show"))}


def with_exception_port(checks, t):
    device = baton.Batond(t, vips())
    device.settings["ports"][0]["exception"] = TAP
    device.start()
    found = interfaces(t)
    checks.true("tap is there and up", "UP" in found.get(TAP, {}).get("flags", []), found)
    checks.equal("link address", found[TAP]["address"], found[PORT]["address"])
    checks.equal("MTU", found[TAP]["mtu"], 1500)
    checks.equal("interface addresses", [a["local"] for a in found[TAP]["addr_info"] if a["scope"] == "global"],
                 [DEVICE4, DEVICE6])
    content = servers.make_files(t)
    folder = content["big"].rsplit("/", 1)[0]
    for n, address in enumerate((DEVICE4, DEVICE6)):
        p = t.start("device", f"http-{n}", "python3", "-m", "http.server", "--bind", address, "--directory", folder, HTTP_PORT)
        p.wait_ready(lambda: servers.listening(t, "device", "tcp", HTTP_PORT).count("LISTEN") > n)
        checks.equal(f"20 MB from the device's kernel at {address}",
                     clients.get_sha256(t, address, "big", HTTP_PORT)[0], servers.sha256(content["big"]))
        checks.equal(f"echo replies of {address}", clients.ping(t, address), 3)
    checks.step("request to another port of the kernel is refused, not lost", refused, t, DEVICE4)
    for address in (baton.VIP4, baton.VIP6):
        checks.equal(f"the VIP {address} works beside it", clients.whoami(t, address), "host1")
    t.ip("device", f"link del {TAP}")
    checks.step("a tap that was removed is made anew", wait_for, lambda: "UP" in interfaces(t).get(TAP, {}).get("flags", []),
                "tap up")
    for address in (DEVICE4, DEVICE6):
        checks.equal(f"20 MB from the device's kernel at {address} after that",
                     clients.get_sha256(t, address, "big", HTTP_PORT)[0], servers.sha256(content["big"]))
    checks.equal("clean end", device.process.stop(), 0)
    checks.true("the tap went away with batond", TAP not in interfaces(t))


def refused(t, address):
    try:
        clients.connect(t, address, HTTP_PORT + 1).close()
    except ConnectionRefusedError:
        return
    raise OSError("connected")


def without_exception_port(checks, t):
    baton.Batond(t, vips()).start()
    checks.equal("no interface is added", sorted(interfaces(t)), ["lo", PORT])
    r = clients.curl(t, "--connect-timeout", 1, clients.url(DEVICE4, "big", HTTP_PORT), check=False)
    checks.true("nothing serves the interface address", r.returncode)
    checks.step("the VIP works", wait_for, lambda: not clients.curl(t, clients.url(baton.VIP4, "whoami"), check=False).returncode,
                "an answer from the VIP")


def scenario(checks):
    for part in (with_exception_port, without_exception_port):
        with Topology(checks, hosts=1) as t:
            servers.Nginx(t, "host1")
            part(checks, t)
