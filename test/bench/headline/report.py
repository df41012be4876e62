#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The table of figures: every way of forwarding beside io, macswap and testpmd, in rounds, as markdown.

Usage: report.py [--rounds 5] [--packets 5000000] [--flows 1000,1000000,10000000] [--only WORD] [--against PROGRAM]
                 [--json FILE] [--no-hugepages] [--program PROGRAM]

Each round runs every line of the table once, so that a change in the machine meets them all. Differences and ratios
are made between neighbours of one repetition, and the median is taken of those.
"""
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PROGRAM = os.path.join(os.environ.get("BATON_BUILD", os.path.join(ROOT, "build")), "test/bench/baton-bench")
FORMAT = "baton-bench-headline/1"

FORWARD = [
    ("tunnel, IPv4", []),
    ("tunnel, IPv6", ["--family", "ipv6"]),
    ("tunnel, IPv4, IMIX", ["--size", "imix"]),
    ("tunnel, IPv4, 1 % open connections", ["--churn", "1"]),
    ("half NAT, IPv4", ["--mode", "half-nat"]),
    ("full NAT, IPv4", ["--mode", "full-nat"]),
    ("replies of full NAT, IPv4", ["--mode", "full-return"]),
]
CONNECT = [
    ("new connections, tunnel, IPv4", ["connect"]),
    ("new connections, half NAT, IPv4", ["connect", "--mode", "half-nat"]),
]


class Refused(Exception):
    pass


def run(program, words):
    """One run in a session of its own, whose priority it may raise; its result."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "result.json")
        with subprocess.Popen([program, *words, "--json", path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True, start_new_session=True) as p:
            try:
                _, errors = p.communicate()
            except KeyboardInterrupt:
                p.send_signal(signal.SIGINT)  # so that it gives its memory back
                p.wait()
                raise
        if p.returncode:
            raise Refused(f"{program} {' '.join(words)}: {errors.strip()}")
        with open(path, encoding="utf-8") as f:
            return json.load(f)


def plan(o):
    """[(line, words)] of one round."""
    plain = ["--repetitions", "2", "--packets", str(o.packets)] + ([] if o.hugepages else ["--no-hugepages"])
    first, lines = True, []
    for line, words in FORWARD:
        lines.append((line, plain + ["--flows", o.flows] + words + ([] if first and o.testpmd else ["--no-testpmd"])))
        first = False
    few = ",".join(n for n in o.flows.split(",") if int(n) <= 1000000) or o.flows
    lines += [(line, plain + ["--flows", few] + words) for line, words in CONNECT]
    return [(line, words) for line, words in lines if o.only in line]


def rounds(o):
    """{program: {line: [result of each round]}}; with two programs they take turns, each first every other round."""
    programs = [o.program] + ([o.against] if o.against else [])
    results = {p: {} for p in programs}
    for number in range(o.rounds):
        for line, words in plan(o):
            for program in programs if number % 2 == 0 else reversed(programs):
                results[program].setdefault(line, []).append(run(program, words))
        print(f"round {number + 1} of {o.rounds}, load average {os.getloadavg()[0]:.2f}", file=sys.stderr)
    return results


def rows_named(results, name, flows):
    """Samples of one row over all rounds."""
    return [s for result in results for row in result["rows"] if (row["name"], row["flows"]) == (name, flows)
            for s in row["samples"]]


def own_rows(results):
    """(name, flows) of what is the device's own."""
    return [(row["name"], row["flows"]) for row in results[0]["rows"] if row["flows"]]


def summary(results, name, flows):
    """What the table says of one row; None where there is no plain loop beside it."""
    tsc_hz = results[0]["machine"]["tsc_hz"]
    own, io, macswap = (rows_named(results, *key) for key in ((name, flows), ("io", 0), ("macswap", 0)))
    median = statistics.median(own)
    return {"flows": flows, "runs": len(own), "cycles": median, "min": min(own), "max": max(own),
            "million_per_s": tsc_hz / median / 1e6,
            "beyond_io": statistics.median(a - b for a, b in zip(own, io)) if io else None,
            "of_macswap": statistics.median(b / a for a, b in zip(own, macswap)) if macswap else None}


def plain_rows(results):
    """{name: summary} of the loops that baton is compared with."""
    names = ["io", "macswap"] + [r["name"] for r in results[0]["rows"] if r["name"].startswith("testpmd")]
    found = {}
    for name in names:
        own = rows_named(results, name, 0)
        if own:
            found[name] = {"cycles": statistics.median(own), "min": min(own), "max": max(own), "runs": len(own),
                           "million_per_s": results[0]["machine"]["tsc_hz"] / statistics.median(own) / 1e6}
    return found


def count(n):
    for limit, letter in ((1000000, "M"), (1000, "k")):
        if n >= limit and n % limit == 0:
            return f"{n // limit} {letter}"
    return str(n)


def machine_line(results, o):
    """On what, and how busy it was."""
    every = [r["machine"] for line in results.values() for r in line]
    m, loads = every[0], [x["load_before"][0] for x in every] + [x["load_after"][0] for x in every]
    pages = "2 MB" if all(x["hugepages"] for x in every) else "4 KB"
    return (f"{m['cpu']}, {m['cpus']} CPUs, {m['memory_mb'] / 1024:.0f} GB, Linux {m['kernel'].split('-')[0]}, {m['dpdk']}, "
            f"time stamp counter at {m['tsc_hz'] / 1e9:.2f} GHz, {pages} pages; {o.rounds} rounds; load average "
            f"{min(loads):.1f} to {max(loads):.1f}, median {statistics.median(loads):.1f}")


def figures(results):
    """Everything that is printed, by line."""
    table = {line: [summary(r, *key) for key in own_rows(r)] for line, r in results.items()}
    forward = [r for line, rs in results.items() if line == FORWARD[0][0] for r in rs]
    return {"plain": plain_rows(forward) if forward else {}, "lines": table}


def print_table(f):
    print("| one core, 64 bytes | flows | M/s | TSC cycles [min - max] | beyond io | of macswap |")
    print("| --- | --: | --: | --: | --: | --: |")
    for name, s in f["plain"].items():
        print(f"| {name} | - | {s['million_per_s']:.1f} | {s['cycles']:.1f} [{s['min']:.1f} - {s['max']:.1f}] | - | - |")
    for line, rows in f["lines"].items():
        for s in rows:
            beyond = "-" if s["beyond_io"] is None else f"{s['beyond_io']:.1f}"
            share = "-" if s["of_macswap"] is None else f"{100 * s['of_macswap']:.0f} %"
            print(f"| {line} | {count(s['flows'])} | {s['million_per_s']:.1f} | {s['cycles']:.1f} "
                  f"[{s['min']:.1f} - {s['max']:.1f}] | {beyond} | {share} |")


def compared(mine, other):
    """Ratios of neighbours: other to mine, so more than 1 says mine is faster."""
    table = {}
    for line, results in mine.items():
        for name, flows in own_rows(results):
            pairs = zip(rows_named(results, name, flows), rows_named(other[line], name, flows))
            ratios = [b / a for a, b in pairs]
            table.setdefault(line, []).append({"flows": flows, "ratio": statistics.median(ratios), "min": min(ratios),
                                               "max": max(ratios)})
    return table


def print_compared(table, other):
    print(f"\n| cycles of {other} to this | flows | median | min - max |")
    print("| --- | --: | --: | --: |")
    for line, rows in table.items():
        for s in rows:
            print(f"| {line} | {count(s['flows'])} | {s['ratio']:.3f} | {s['min']:.3f} - {s['max']:.3f} |")


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--packets", type=int, default=5000000, help="of one repetition; there are two in a round")
    parser.add_argument("--flows", default="1000,1000000,10000000")
    parser.add_argument("--only", default="", help="lines with this word")
    parser.add_argument("--against", help="another baton-bench, to be run beside this one")
    parser.add_argument("--program", default=PROGRAM)
    parser.add_argument("--json", help="file for every sample")
    parser.add_argument("--no-testpmd", dest="testpmd", action="store_false")
    parser.add_argument("--no-hugepages", dest="hugepages", action="store_false")
    o = parser.parse_args()
    if o.rounds < 1 or not plan(o):
        parser.error("nothing to run")
    return o


def main():
    o = options()
    try:
        results = rounds(o)
    except Refused as e:
        sys.exit(f"headline: {e}")
    mine = results[o.program]
    all_figures = figures(mine)
    print_table(all_figures)
    ratios = compared(mine, results[o.against]) if o.against else None
    if ratios:
        print_compared(ratios, o.against)
    print("\n" + machine_line(mine, o))
    if o.json:
        with open(o.json, "w", encoding="utf-8") as f:
            json.dump({"format": FORMAT, "machine": machine_line(mine, o), "figures": all_figures, "against": ratios,
                       "runs": mine}, f, indent=1)


if __name__ == "__main__":
    main()
