#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Layer-7 balancing by path beside HAProxy and nginx, on one core; markdown tables. See docs/layer7-benchmarks.md.

Usage: report.py [--rounds 5] [--seconds 3] [--json FILE] [--csv FILE] [--svg FILE] …
"""
import argparse
import json
import os
import platform
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE]
import balancers  # noqa: E402
import measure  # noqa: E402
import tables  # noqa: E402
from lib.shell import run  # noqa: E402
from scene import OBJECTS, Scene  # noqa: E402


def version(*command):
    r = run(*command, check=False)
    return (r.stdout + r.stderr).splitlines()[0].strip()


def machine(o):
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next(line.split(":")[1].strip() for line in f if line.startswith("model name"))
    return {"kernel": platform.release(), "cpu": model, "cpus": len(os.sched_getaffinity(0)), "load": os.getloadavg(),
            "haproxy": version("haproxy", "-v"), "nginx": version("nginx", "-v"), "wrk": version("wrk", "-v"),
            "options": {k: v for k, v in vars(o).items() if k not in ("json", "csv", "svg", "source")}}


def rounds(scene, o, things):
    """Every balancer once a round, one after the other, so that a machine that changes its speed meets all alike."""
    samples = []
    for n in range(1, o.rounds + 1):
        for b in things:
            b.up()
            try:
                if n == 1:
                    scene.check(b.address, o.objects, b.splits)
                for test, function in measure.plan(scene, o):
                    samples.append({"balancer": b.name, "test": test, "round": n, **function(b)})
            finally:
                b.down()
            print(f"round {n}: {b.name} done, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    return samples


def measured(o):
    chosen = [c for c in balancers.ALL if not o.balancers or c.name in o.balancers]
    about = machine(o)
    with Scene(offload=not o.no_offload, steer=not o.no_steer, priority=not o.no_priority) as scene:
        samples = rounds(scene, o, [c(scene) for c in chosen])
    return {"machine": {**about, "load_after": os.getloadavg()}, "samples": samples}


def arguments():
    names = [c.name for c in balancers.ALL]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each load")
    parser.add_argument("--requests", type=int, default=2000, help="of each measurement of latency")
    parser.add_argument("--objects", nargs="+", choices=OBJECTS, default=list(OBJECTS))
    parser.add_argument("--balancers", nargs="+", choices=names, metavar="NAME", help=f"of: {', '.join(names)}")
    parser.add_argument("--no-offload", action="store_true", help="no long segments and complete checksums, everywhere")
    parser.add_argument("--no-steer", action="store_true", help="packets are received on the core that sent them")
    parser.add_argument("--no-priority", action="store_true", help="other work on the machine is as important")
    parser.add_argument("--json", help="keep every sample in this file")
    parser.add_argument("--csv", help="the same, as comma-separated values")
    parser.add_argument("--svg", help="draw the plot into this file")
    parser.add_argument("--from", dest="source", help="the samples of an earlier run's --json, instead of a new run")
    return parser.parse_args()


def main():
    o = arguments()
    if o.source:
        with open(o.source, encoding="utf-8") as f:
            result = json.load(f)
    else:
        result = measured(o)
    figures = tables.Figures(result["samples"])
    print(f"<!-- {json.dumps(result['machine'])} -->")
    tables.markdown(figures)
    if o.json:
        with open(o.json, "w", encoding="utf-8") as f:
            json.dump(result, f, indent=1)
    if o.csv:
        tables.to_csv(figures, o.csv)
    if o.svg:
        tables.plot(figures, o.svg, OBJECTS)
    return 1 if figures.errors() else 0


if __name__ == "__main__":
    sys.exit(main())
