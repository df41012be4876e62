# SPDX-License-Identifier: BSD-3-Clause
"""The faulty cable itself, between a client and a host that know no balancer: each fault, each kind, the same again by the same seed."""
import struct

from lib import clients, servers
from lib.baton import SHIM_PORT, TUNNEL4, TUNNEL6
from lib.capture import Capture
from lib.faults import COUNTS, FAULTS, KINDS, SHIM_KINDS, Faults
from lib.frames import ACK, FIN, RST, SYN, TCP, UDP, Wire, tcp, udp
from lib.shell import Failed, wait_for
from lib.topology import PORT, SWITCH, Topology, host_addresses

H4, H6 = host_addresses(1)
PACKETS = 400


def made_by_hand(w):
    """(kind, frame) one of each and family."""
    flags = {"syn": SYN, "syn_ack": SYN | ACK, "ack": ACK, "fin": FIN | ACK, "rst": RST}
    for host, client, forwarder in ((H4, "10.0.0.50", TUNNEL4), (H6, "2001:db8::50", TUNNEL6)):
        for source, prefix in ((client, ""), (forwarder, "tunneled_")):
            for name, f in flags.items():
                yield prefix + name, w.ip(source, host, TCP, tcp(flags=f))
            yield prefix + "data", w.ip(source, host, TCP, tcp(flags=ACK, payload=b"x"))
        for number, name in enumerate(SHIM_KINDS, 1):
            shim = struct.pack("!HBBHBBQQ", 0x4274, 1, number, 24, 0, 0, 1, 1)
            yield name, w.ip(forwarder, host, UDP, udp(dport=SHIM_PORT, payload=shim))
        yield None, w.ip(client, host, UDP, udp(dport=53, payload=b"x" * 40))


def kinds_are_told_apart(checks, t):
    with Faults(t, ["host1"], (TUNNEL4, TUNNEL6)) as f, Wire(t, to="host1") as w:
        frames = list(made_by_hand(w))
        before = f.counts()["host1"]
        w.send(frame for _, frame in frames)
        after = f.counts()["host1"]
        wanted = {k: sum(kind == k for kind, _ in frames) for k in KINDS}
        checks.equal("every kind is told from the others", {k: after[k]["seen"] - before[k]["seen"] for k in KINDS}, wanted)


def arrived(t, seed=1, **faults):
    """Many packets with a number each, over a cable with these faults: what arrives, from the IP header on; Faults' count."""
    capture = Capture(t, "host1", PORT)
    with Wire(t, to="host1") as w:
        with Faults(t, ["host1"], seed=seed) as f:
            f.set(kinds=["rst"], **faults)
            w.send(w.ip("10.0.0.50", H4, TCP, tcp(sport=7, flags=RST, seq=n)) for n in range(PACKETS))
            wait_for(lambda: f.total("rst")["seen"] == PACKETS, "all packets seen")
            count = f.total("rst")
        w.send([w.ip("10.0.0.50", H4, TCP, tcp(sport=8, flags=RST))])
    capture.wait(lambda x: x.sport == 8, "the last packet")

    def rows():
        return [x.data[14:] for x in list(capture.frames) if not x.outgoing and x.family == 4 and x.sport != 8]

    # what was held comes by another way, which the last packet may have overtaken
    wait_for(lambda: len(rows()) >= PACKETS - count["dropped"] + count["duplicated"], "what was held")
    capture.stop()
    return rows(), count


def each_fault(checks, t):
    plain, _ = arrived(t)
    numbers = list(range(PACKETS))
    seen = {}
    for fault, what in zip(FAULTS, COUNTS[1:]):
        rows, count = arrived(t, **{fault: 5})
        seen[fault] = [struct.unpack_from("!I", r, 24)[0] for r in rows], rows
        checks.true(f"{fault}: some of {PACKETS}, and nothing else", 0 < count[what] < PACKETS // 5 and
                    sum(count[c] for c in COUNTS[1:]) == count[what], count)
        seen[fault] += (count[what],)
    (dropped, _, n), doubled, (held, _, _), (_, damaged, bad) = (seen[f] for f in FAULTS)
    checks.equal("without faults all arrive in order", [struct.unpack_from("!I", r, 24)[0] for r in plain], numbers)
    checks.true("drop: so many are missing", len(dropped) == PACKETS - n and dropped == sorted(set(dropped)), dropped)
    checks.true("duplicate: so many came twice", len(doubled[0]) == PACKETS + doubled[2] and set(doubled[0]) == set(numbers), (doubled[2], doubled[0]))
    checks.true("hold: all arrive, in another order", held != numbers and sorted(held) == numbers, held)
    checks.equal("corrupt: so many differ", (len(damaged), len(set(damaged) - set(plain))), (PACKETS, bad))


def repeatable(checks, t):
    first, again, other = (sorted(arrived(t, seed, percent=5)[0]) for seed in (1, 1, 2))
    checks.equal("the same seed does the same", again, first)
    checks.true("another seed does something else", other != first)


def by_real_programs(checks, t):
    servers.Nginx(t, "host1")
    wanted = servers.sha256(servers.make_files(t)["small"])
    with Faults(t, ["client", "host1"]) as f:
        f.set(1)
        for address in (H4, H6):
            got = [clients.get_sha256(t, address, "small") for _ in range(15)]
            checks.equal(f"{address}: content over cables with every fault", set(got), {(wanted, "host1")})
        total = f.total()
        checks.true("and there were faults of every sort", all(total[c] for c in COUNTS), total)
        f.set(0)
        f.set(100, ["syn"], ["host1"], duplicate=0, hold=0, corrupt=0)
        refused = clients.curl(t, "--connect-timeout", "1", clients.url(H4, "whoami"), check=False)
        checks.true("no SYN passes, no connection", refused.returncode)
        seen = f.total("syn", "host1")["seen"]
        f.set(0, ["syn"], ["host1"], first=seen + 1)
        checks.equal("one SYN is lost, the next one passes", clients.whoami(t, H4), "host1")
    left = [line for s in ("client", "host1") for line in t.run(SWITCH, "tc", "filter", "show", "dev", s, "egress").stdout.splitlines()]
    checks.equal("nothing is left on the cables", left, [])


def scenario(checks):
    with Topology(checks, hosts=1) as t:
        t.run("client", "ping", "-c", "1", "-W", "5", H4)  # link addresses are known from here on
        t.run("client", "ping", "-c", "1", "-W", "5", H6)
        kinds_are_told_apart(checks, t)
        each_fault(checks, t)
        repeatable(checks, t)
        by_real_programs(checks, t)
        try:
            clients.whoami(t, H4, timeout=5)
            checks.true("the cables are good again", True)
        except Failed as e:
            checks.result("the cables are good again", False, e)
