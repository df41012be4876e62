# SPDX-License-Identifier: BSD-3-Clause
"""A device between two links, clients on one and hosts on the other, in every mode."""
from lib import clients, servers
from lib.baton import Agent, Batond, vip
from lib.scene import usable
from lib.topology import DEVICE4, DEVICE6, MTU, PORT, SWITCH, Topology

OUTSIDE = "net1"  # the second port of device and hosts
CLIENT4, CLIENT6 = "10.3.0.50", "2001:db8:3::50"
OUTER4, OUTER6 = "10.3.0.2", "2001:db8:3::2"
VIPS = {"tunnel": ("10.3.0.100", "2001:db8:3::100"), "half-nat": ("10.3.0.101", "2001:db8:3::101"),
        "full-nat": ("10.3.0.102", "2001:db8:3::102")}


def second_port(t, space, peer):
    t.ip(SWITCH, f"link add {peer} mtu {MTU} type veth peer name {OUTSIDE} mtu {MTU} netns {t.name(space)}")
    for where, port in ((SWITCH, peer), (space, OUTSIDE)):
        t.run(where, "ethtool", "-K", port, "tx", "off", "gro", "off")
    t.ip(SWITCH, f"link set {peer} master br1 up")
    t.ip(space, f"link set {OUTSIDE} up")


def second_link(t):
    """The client moves to a link of its own; the hosts reach it there for the tunnel's direct replies."""
    t.ip(SWITCH, "link add br1 type bridge mcast_snooping 0")
    t.ip(SWITCH, "link set br1 up")
    t.ip(SWITCH, "link set client master br1")
    t.ip("client", f"addr flush dev {PORT} scope global")
    t.client4, t.client6 = CLIENT4, CLIENT6
    t.address("client", CLIENT4, 24)
    t.address("client", CLIENT6, 64)
    second_port(t, "device", "device1")
    for n, host in enumerate(t.hosts, 1):
        second_port(t, host, f"{host}x")
        t.address(host, f"10.3.0.{10 + n}", 24, OUTSIDE)
        t.address(host, f"2001:db8:3::{10 + n}", 64, OUTSIDE)


def replies_through_device(t):
    for host in t.hosts:
        t.ip(host, f"route replace {CLIENT4}/32 via {DEVICE4}")
        t.ip(host, f"-6 route replace {CLIENT6}/128 via {DEVICE6}")


def check(checks, t, device, mode):
    for address in VIPS[mode]:
        digest, _ = clients.get_sha256(t, address, "big")
        checks.equal(f"{mode}: 20 MB from {address}", digest, servers.sha256(servers.make_files(t)["big"]))
        checks.equal(f"{mode}: POST of 20 MB to {address}", clients.post_sha256(t, address, servers.make_files(t)["big"]),
                     servers.sha256(servers.make_files(t)["big"]))
        checks.equal(f"{mode}: hosts that answer at {address}", sorted({clients.whoami(t, address) for _ in range(20)}), t.hosts)
        checks.equal(f"{mode}: echo replies from {address}", clients.ping(t, address), 3)


def scenario(checks):
    for mode in VIPS:
        with Topology(checks, hosts=2) as t:
            second_link(t)
            for host in t.hosts:
                servers.Nginx(t, host)
            if mode == "tunnel":
                for n in (1, 2):
                    Agent(t, n, vips=VIPS[mode]).start()
            if mode == "half-nat":
                replies_through_device(t)
            ports = [{"name": name, "device": f"net_af_packet{i},iface={iface},framecnt=8192", "mtu": MTU, "addresses": addresses}
                     for i, (name, iface, addresses) in enumerate((("inside", PORT, [f"{DEVICE4}/24", f"{DEVICE6}/64"]),
                                                                   ("outside", OUTSIDE, [f"{OUTER4}/24", f"{OUTER6}/64"])))]
            web = [vip(f"web{n}", a, mode=mode, hosts=(1, 2)) for n, a in zip((4, 6), VIPS[mode])]
            device = Batond(t, web, ports=ports).start()
            usable(device, 2)
            check(checks, t, device, mode)
            rows = {p["name"]: p for p in device.show("ports")}
            checks.true(f"{mode}: requests came in outside and left inside",
                        rows["outside"]["rx_packets"] > 1000 and rows["inside"]["tx_packets"] > 1000, rows)
            checks.equal(f"{mode}: device ends well", device.process.stop(), 0)
