# SPDX-License-Identifier: BSD-3-Clause
"""baton-bench forwards between real ports: every packet comes back, and one that cannot fails the run."""
import json
import os
import tempfile

from lib.baton import BUILD
from lib.shell import run

PROGRAM = os.path.join(BUILD, "test/bench/baton-bench")
SMALL = ["--no-hugepages", "--cpu", "0", "--memory", "256", "--flows", "200", "--repetitions", "1", "--packets", "20000"]


def namespace():
    """Two ends of a veth pair, which nothing else uses, alone with each other."""
    name = f"bt{os.getpid()}-ports"
    run("ip", "netns", "add", name)
    run("ip", "-n", name, "link", "add", "dev0", "type", "veth", "peer", "name", "gen0")
    for port in ("dev0", "gen0"):
        run("sysctl", "-qw", f"net.ipv6.conf.{port}.disable_ipv6=1", namespace=name)
        run("ethtool", "-K", port, "tx", "off", "gro", "off", namespace=name)
        run("ip", "-n", name, "link", "set", port, "up")
    return name


def passes(checks, what, words, net=None):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "result.json")
        r = run(PROGRAM, *SMALL, *words, "--json", path, namespace=net, check=False, timeout=120)
        checks.equal(f"{what}: it runs", r.returncode, 0)
        if r.returncode:
            print(r.stderr)
            return
        with open(path, encoding="utf-8") as f:
            p = json.load(f)["rows"][0]["passage"]
    checks.equal(f"{what}: all that was sent came back", (p["sent"] - p["back"], p["lost"]), (0, 0))
    checks.equal(f"{what}: with the right checksums", (p["verified"] > 0, p["wrong"]), (True, 0))


def scenario(checks):
    net = namespace()
    af_packet = ["--vdev", "net_af_packet0,iface=dev0,qdisc_bypass=1",
                 "--vdev", "net_af_packet1,iface=gen0,qdisc_bypass=1"]
    passes(checks, "af_packet", af_packet, net)
    passes(checks, "af_packet, IPv6, IMIX", af_packet + ["--ipv6", "--size", "imix"], net)
    with tempfile.TemporaryDirectory() as folder:
        # the second slash: two roles of one process may not share a socket's name
        passes(checks, "memif", ["--vdev", f"net_memif0,role=server,id=0,socket-abstract=no,socket={folder}/s",
                                 "--vdev", f"net_memif1,role=client,id=0,socket-abstract=no,socket={folder}//s"])
    r = run(PROGRAM, *SMALL, "--vdev", "net_null0,size=60", "--vdev", "net_null1,size=60", check=False, timeout=120)
    checks.equal("ports that are not joined: an error", r.returncode, 1)
