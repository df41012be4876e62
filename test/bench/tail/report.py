#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Run tail-bench; print its tables as markdown and draw the plot with gnuplot.

Usage: report.py [--from FILE.tsv] [--keep FILE.tsv] [--svg FILE.svg] [tail-bench options]
"""
import argparse
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BENCH = os.path.join(ROOT, "build/test/bench/tail/tail-bench")
REFERENCE = "omniscient shortest queue"
PLOTTED = ["baton", "baton, renewed as seldom as reports", "least loaded on reports"]
LEVELS = [REFERENCE, "omniscient, speeds too", "power of two choices", "least connections, own count",
          "smooth weighted round robin", "round robin"]


class Row:
    """Of p50, p99, p99.9 in ms: (median, least, greatest) over the seeds."""

    def __init__(self, line):
        fields = line.rstrip("\n").split("\t")
        self.way, self.balancers, self.interval = fields[0], int(fields[1]), float(fields[2])
        numbers = [float(f) for f in fields[3:]]
        self.p50, self.p99, self.p999 = (numbers[i:i + 3] for i in (0, 3, 6))


def find(rows, way, balancers, interval):
    """Ways that know no reports are the same at every interval."""
    for r in rows:
        if (r.way, r.balancers) == (way, balancers) and r.interval in (0, interval):
            return r
    return None


def ways(rows):
    return list(dict.fromkeys(r.way for r in rows))


def table_at(rows, interval):
    """Every way at one interval, with all quantiles."""
    print(f"\n### Reports every {interval} ms\n")
    print("| way | balancers | p50 | p99 (least-greatest) | p99.9 | p99 ÷ omniscient |")
    print("| --- | --- | --- | --- | --- | --- |")
    for way in ways(rows):
        for n in (1, 4, 16):
            r = find(rows, way, n, interval)
            if not r:
                continue
            ratio = r.p99[0] / find(rows, REFERENCE, n, interval).p99[0]
            print(f"| {way} | {n} | {r.p50[0]:.1f} | {r.p99[0]:.1f} ({r.p99[1]:.1f}-{r.p99[2]:.1f}) "
                  f"| {r.p999[0]:.1f} | {ratio:.2f} |")


def table_by_interval(rows):
    """p99 of what depends on reports."""
    intervals = sorted({r.interval for r in rows if r.interval})
    print("\n### p99 by report interval\n")
    print("| way | balancers | " + " | ".join(f"{i:g} ms" for i in intervals) + " |")
    print("| --- | --- |" + " --- |" * len(intervals))
    for way in ways(rows):
        for n in (1, 4, 16):
            found = [r for r in (find(rows, way, n, i) for i in intervals) if r and r.interval]
            if found:
                cells = [f"{r.p99[0]:.1f}" if r else "" for r in (find(rows, way, n, i) for i in intervals)]
                print(f"| {way} | {n} | " + " | ".join(cells) + " |")
    for way in ("smooth weighted round robin", REFERENCE):
        print(f"| {way} | 1 | " + " | ".join([f"{find(rows, way, 1, 0).p99[0]:.1f}"] * len(intervals)) + " |")


def plot(rows, path):
    """p99 over the interval, both scales logarithmic."""
    with tempfile.TemporaryDirectory() as folder:
        curves = []
        for way in PLOTTED:
            for n, style in ((1, 1), (16, 2)):
                data = os.path.join(folder, f"{len(curves)}")
                points = sorted((r.interval, *r.p99) for r in rows if r.way == way and r.balancers == n)
                with open(data, "w", encoding="ascii") as f:
                    f.writelines("\t".join(map(str, p)) + "\n" for p in points)
                color = PLOTTED.index(way) + 1
                curves.append(f"'{data}' using 1:2:3:4 with yerrorlines lt {color} lw {3 - style} pt {style + 5} ps 0.5 "
                              f"title '{way}, {n} balancer{'s' * (n > 1)}'")
        for i, way in enumerate(LEVELS):
            n = 16 if way.startswith("least") else 1
            curves.append(f"{find(rows, way, n, 0).p99[0]} lt {i + 4} lw 1 "
                          f"title '{way}{', 16 balancers' * (n > 1)}'")
        script = (f"set terminal svg size 900,680 background 'white'\nset output '{path}'\n"
                  "set logscale xy\nset xrange [4.5:1100]\nset yrange [40:12000]\nset grid\nset key below maxcols 2\n"
                  "set xtics (5,10,20,50,100,200,500,1000)\nset xlabel 'time between reports of a host, ms'\n"
                  "set ylabel 'p99 of response time, ms'\nplot " + ", ".join(curves) + "\n")
        subprocess.run(["gnuplot"], input=script, text=True, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", help="figures of an earlier run instead of a new one")
    parser.add_argument("--svg", help="draw the plot into this file")
    parser.add_argument("--keep", help="keep the figures in this file")
    args, rest = parser.parse_known_args()
    if args.source:
        with open(args.source, encoding="utf-8") as f:
            text = f.read()
    else:
        text = subprocess.run([BENCH] + rest, stdout=subprocess.PIPE, text=True, check=True).stdout
    if args.keep:
        with open(args.keep, "w", encoding="utf-8") as f:
            f.write(text)
    rows = [Row(line) for line in text.splitlines()]
    table_by_interval(rows)
    table_at(rows, 20)
    if args.svg:
        plot(rows, args.svg)


if __name__ == "__main__":
    sys.exit(main())
