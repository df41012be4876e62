# SPDX-License-Identifier: BSD-3-Clause
"""What was measured as tables, CSV and a plot. Figures are medians over the rounds, with the least and the greatest."""
import csv
import os
import statistics
import subprocess
import tempfile

GB = 1e9


def per_second(s):
    return s["requests"] / s["seconds"]


def gbits(s):
    return s["bytes"] * 8 / s["seconds"] / 1e9


def process_s(s):
    return s["user_s"] + s["system_s"]


def process_per_1000(s):
    return process_s(s) / s["requests"] * 1000


def most_s(s):
    """Softirqs are in the programs' time as well if they came while those ran: counted twice, never left out."""
    return process_s(s) + s["core_softirq_s"]


def most_per_1000(s):
    return most_s(s) / s["requests"] * 1000


def process_per_gb(s):
    return process_s(s) / s["bytes"] * GB


def most_per_gb(s):
    return most_s(s) / s["bytes"] * GB


def process_percent(s):
    return 100 * process_s(s) / s["span_s"]


def core_percent(s):
    return 100 * s["core_s"] / s["span_s"]


def other_percent(s):
    return 100 * s["other_core_s"] / s["span_s"]


def p50(s):
    return s["p50_us"]


def p99(s):
    return s["p99_us"]


class Figures:
    """samples: [{"balancer", "test", "round", …}]"""

    def __init__(self, samples):
        self.samples = samples
        self.balancers = list(dict.fromkeys(s["balancer"] for s in samples))
        self.objects = [t.split()[1] for t in dict.fromkeys(s["test"] for s in samples) if t.startswith("keep ")]

    def of(self, balancer, test, figure):
        """(median, least, greatest), or None if it was not measured."""
        values = [figure(s) for s in self.samples if (s["balancer"], s["test"]) == (balancer, test)]
        return (statistics.median(values), min(values), max(values)) if values else None

    def cell(self, balancer, test, figure, digits):
        got = self.of(balancer, test, figure)
        return f"{got[0]:.{digits}f} ({got[1]:.{digits}f}-{got[2]:.{digits}f})" if got else ""

    def errors(self):
        """Lines about what went wrong."""
        return [f"{s['balancer']}, {s['test']}, round {s['round']}: {s['errors']}" for s in self.samples if "errors" in s]


def table(title, head, rows):
    print(f"\n### {title}\n\n| " + " | ".join(head) + " |\n| --- |" + " --: |" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def requests_table(f, title, test):
    head = ["", "requests/s", "p50, µs", "p99, µs", "CPU s per 1,000, at least", "at most", "its core busy, %",
            "other core busy, %"]
    proxies = [b for b in f.balancers if b != "direct"]
    rows = []
    for b in f.balancers:
        cost = [f.cell(b, test, *what) for what in ((process_per_1000, 4), (most_per_1000, 4), (core_percent, 0))]
        rows.append([b, f.cell(b, test, per_second, 0), f.cell(b, test, p50, 0), f.cell(b, test, p99, 0),
                     *(cost if b in proxies else ["", "", ""]), f.cell(b, test, other_percent, 0)])
    table(title, head, rows)


def by_size(f, title, figure, digits, balancers):
    rows = [[b, *(f.cell(b, f"keep {o}", figure, digits) for o in f.objects)] for b in balancers]
    table(title, ["", *f.objects], rows)


def latency_table(f):
    """Added: median of the balancer less median of direct."""
    head = ["", "fresh, p50", "added", "fresh, p99", "added", "kept, p50", "added", "kept, p99", "added"]
    rows = []
    for b in f.balancers:
        row = [b]
        for test in ("latency fresh", "latency kept"):
            for figure in (p50, p99):
                got, reference = f.of(b, test, figure), f.of("direct", test, figure)
                row += [f.cell(b, test, figure, 0), f"{got[0] - reference[0]:+.0f}" if got and reference and b != "direct" else ""]
        rows.append(row)
    table("One small request at a time, µs", head, rows)


def agents_table(f):
    """What a balancer has on the hosts, in user space."""
    def per_1000(s):
        return s["agents_s"] / s["requests"] * 1000
    rows = [[b, f.cell(b, "close 1k", per_1000, 4), f.cell(b, "keep 1k", per_1000, 4)] for b in f.balancers if b.startswith("baton")]
    if rows:
        table("CPU s of both agents on the hosts per 1,000 requests", ["", "a new connection for each", "connections kept"], rows)


def idle_table(f):
    rows = [[b, f.cell(b, "idle", process_percent, 1), f.cell(b, "idle", core_percent, 1)] for b in f.balancers]
    table("Without load, % of the balancer's core", ["", "its programs", "all that runs there"], rows)


def markdown(f):
    proxies = [b for b in f.balancers if b != "direct"]
    requests_table(f, "1 KB, a new connection for each request", "close 1k")
    requests_table(f, "1 KB, connections kept", "keep 1k")
    by_size(f, "Gbit/s by size of the object, connections kept", gbits, 2, f.balancers)
    by_size(f, "CPU s of the balancer per GB, at least", process_per_gb, 3, proxies)
    by_size(f, "CPU s of the balancer per GB, at most", most_per_gb, 3, proxies)
    by_size(f, "Balancer's core busy, %", core_percent, 0, proxies)
    latency_table(f)
    agents_table(f)
    idle_table(f)
    for line in f.errors():
        print(f"\nErrors: {line}")


def to_csv(f, path):
    fields = list(dict.fromkeys(key for s in f.samples for key in s if key != "errors"))
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, fields, extrasaction="ignore", restval="")
        writer.writeheader()
        writer.writerows(f.samples)


def plot(f, path, sizes):
    """Left: throughput. Right: the balancer's CPU for each GB. Over the size of the object."""
    with tempfile.TemporaryDirectory() as folder:
        panels = []
        for figure in (gbits, process_per_gb):
            curves = []
            for i, b in enumerate(f.balancers):
                points = [(sizes[o], *f.of(b, f"keep {o}", figure)) for o in f.objects if f.of(b, f"keep {o}", figure)]
                if not points or (b == "direct" and figure is process_per_gb):
                    continue
                data = os.path.join(folder, f"{figure.__name__}{i}")
                with open(data, "w", encoding="ascii") as out:
                    # a logarithmic scale has no zero
                    out.writelines("\t".join(f"{max(v, 1e-4):g}" for v in p) + "\n" for p in points)
                curves.append(f"'{data}' using 1:2:3:4 with yerrorlines lt {i + 1} lw 2 pt {i + 5} ps 0.6 title '{b}'")
            panels.append("plot " + ", ".join(curves) + "\n")
        first, last = min(sizes[o] for o in f.objects), max(sizes[o] for o in f.objects)
        script = (f"set terminal svg size 1000,520 background 'white'\nset output '{path}'\nset multiplot layout 1,2\n"
                  f"set logscale x\nset xrange [{first / 2}:{last * 2}]\nset xtics (" + ", ".join(f"'{o}' {sizes[o]}" for o in f.objects) + ")\n"
                  "set grid\nset key below maxcols 2\nset xlabel 'object, bytes'\n"
                  "set ylabel 'Gbit/s of bodies and heads'\nset yrange [0:]\n" + panels[0] +
                  "set logscale y\nset autoscale y\nset ylabel 'CPU seconds of the balancer for each GB'\n" + panels[1])
        subprocess.run(["gnuplot"], input=script, text=True, check=True)
