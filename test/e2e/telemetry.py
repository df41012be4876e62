# SPDX-License-Identifier: BSD-3-Clause
"""What batond says of itself: every list, whole over many pages; bad parameters cost nothing."""
import json
import os
import socket
import struct

from lib.baton import VIP4, VIP6, Batond, vip
from lib.link import checksum, packed
from lib.shell import wait_for
from lib.topology import DEVICE4, DEVICE6, Topology

CAPACITY = 16384
CLIENTS = 150  # of each family: more routes than a page holds
LISTS = ("ports", "lcores", "vips", "endpoints", "routes", "neighbours", "drops", "counters", "classifiers")
BAD = ("/baton/ports,x", "/baton/routes,-1", "/baton/routes,0,color=red", "/baton/routes,0,client=10.0.0",
       "/baton/routes,0,vip=" + "v" * 200, "/baton/routes," + "9" * 40)


def syn(n, v6):
    """Frame of the n-th client's SYN."""
    src, dst = (packed(f"2001:db8:ffff::{n + 1:x}"), packed(VIP6)) if v6 else (packed(f"198.51.100.{n + 1}"), packed(VIP4))
    tcp = struct.pack("!HHIIBBHHH", 10000 + n, 80, 1, 0, 5 << 4, 2, 65535, 0, 0)
    tcp = tcp[:16] + struct.pack("!H", checksum(src + dst + struct.pack("!II", len(tcp), 6) + tcp)) + tcp[18:]
    if v6:
        ip, kind = struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + src + dst, 0x86DD
    else:
        ip, kind = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + src + dst, 0x0800
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return bytes.fromhex("020000000001020000000002") + struct.pack("!H", kind) + ip + tcp


def capture_write(path):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in (syn(n, v6) for v6 in (False, True) for n in range(CLIENTS)):
            f.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def ask(connection, request):
    connection.send(request.encode())
    return json.loads(connection.recv(1 << 16))[request.split(",")[0]]


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def routes_check(checks, device):
    routes = device.show("routes", "--limit", 0)
    clients = {r["client"] for r in routes}
    checks.equal("every route of all pages, once", (len(routes), len(clients)), (2 * CLIENTS, 2 * CLIENTS))
    one = device.show("routes", "--client", "198.51.100.7")
    checks.equal("one client's route", [(r["client"], r["vip"], r["state"]) for r in one], [("198.51.100.7", "web", "syn")])
    checks.equal("routes of a VIP", len(device.show("routes", "--vip", "web6", "--limit", 0)), CLIENTS)
    checks.equal("limit", len(device.show("routes", "--limit", 5)), 5)
    count = device.show("routes", "--count")
    checks.equal("numbers of routes", [(r["family"], r["routes"]) for r in count], [(4, CLIENTS), (6, CLIENTS)])


def shape_check(checks, device):
    """How even the tables are; which buckets are crowded is up to the random key of each table's hash."""
    def swept():
        rows = device.show("routes", "--count")
        return rows if all(r["longest_search"] for r in rows) else None
    rows = wait_for(swept, "both tables swept")
    for r in rows:
        name = f"IPv{r['family']}"
        checks.equal(f"{name}: capacity", r["capacity"], CAPACITY)
        checks.true(f"{name}: 31 places a bucket, 80 % of them to be used", r["buckets"] * 31 * 0.75 < CAPACITY < r["buckets"] * 31 * 0.85, r)
        checks.true(f"{name}: only buckets that overflowed make searches longer",
                    1 <= r["longest_search"] <= min(r["overflowed"] + 1, r["buckets"]) and (r["longest_search"] > 1) == (r["overflowed"] > 0), r)
    table = device.ctl("show", "routes", "--count").stdout.splitlines()
    checks.equal("as a table", table[0].split()[-3:], ["BUCKETS", "OVERFLOWED", "SEARCH"])
    checks.equal("same numbers", [[int(x) for x in line.split()[-3:]] for line in table[1:]],
                 [[r[x] for x in ("buckets", "overflowed", "longest_search")] for r in rows])


def bad_check(checks, device):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as c:
        c.connect(os.path.join(device.run_dir, "dpdk/baton/dpdk_telemetry.v2"))
        c.recv(1 << 16)
        for request in BAD:
            checks.equal(f"refused: {request[:40]}", ask(c, request), None)
        before = resident_kb(device.process.pid)
        for _ in range(2000):
            ask(c, BAD[2])
        grown = resident_kb(device.process.pid) - before
        checks.true("2000 bad requests leave no memory behind", grown < 2000, f"{grown} kB more")


def scenario(checks):
    with Topology(checks, hosts=1) as t:
        capture = t.path("device", "syn.pcap")
        capture_write(capture)
        device = Batond(t, [vip("web", VIP4, hosts=(1,), unreachable="keep"), vip("web6", VIP6, hosts=(1,), unreachable="keep")],
                        ports=[{"name": "net0", "device": f"net_pcap0,rx_pcap={capture},tx_pcap={capture}.out",
                                "addresses": [f"{DEVICE4}/24", f"{DEVICE6}/64"]}])
        device.start()
        wait_for(lambda: sum(r["routes"] for r in device.show("routes", "--count")) == 2 * CLIENTS, "a route for each client")
        for what in LISTS:
            checks.true(f"show {what}", device.show(what, "--all"), "no rows")
        routes_check(checks, device)
        shape_check(checks, device)
        bad_check(checks, device)
        checks.equal("ends by itself on SIGTERM", device.process.stop(), 0)
