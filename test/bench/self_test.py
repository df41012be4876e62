#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""That baton-bench does what its prompt and its options say; no figure is judged.

Usage: self_test.py PROGRAM [unittest arguments]
"""
import csv
import json
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)
SMALL = ["--no-hugepages", "--memory", "192", "--flows", "100"]
STAGES = {"take", "source", "parse", "lookup", "rewrite", "keep", "send"}


def bench(*arguments, lines=()):
    return subprocess.run([PROGRAM, *SMALL, *arguments], input="".join(f"{line}\n" for line in lines), text=True,
                          capture_output=True, timeout=100)


class Options(unittest.TestCase):
    def refused(self, word, *arguments):
        run = bench(*arguments)
        self.assertEqual(run.returncode, 2, run.stderr)
        self.assertIn(word, run.stderr)

    def test_refused(self):
        self.refused("--speed", "--speed", "9")
        self.refused("mode", "--mode", "sideways")
        self.refused("64 to 1518", "--size", "63")
        self.refused("64 to 1518", "--size=64x")
        self.refused("needs a value", "--size")
        self.refused("0 to 10 %", "--churn", "11")
        self.refused("neither on nor off", "--zipf=perhaps")
        self.refused("at most 8", "--flows", "1,2,3,4,5,6,7,8,9")
        self.refused("upwards", "upwards")
        self.refused("for forwarding only", "-i", "table")
        self.refused("without ports", "--rings", "--churn", "1")
        self.refused("two ports", "--vdev", "net_null0")
        self.refused("for connect only", "--classifier-cpu", "0")
        self.refused("for connect only", "scale", "--classifier-cpu", "0")
        self.refused("-1 to 1023", "connect", "--classifier-cpu", "-2")
        self.refused("two cores or more", "scale", "--cpus", "0")
        self.refused("at most 8", "scale", "--cpus", "0,0,0,0,0,0,0,0,0")
        self.refused("0 to 1023", "scale", "--cpus", "0,x")
        self.refused("misses are for one core", "scale", "--misses", "1")
        self.refused("for forwarding only", "scale", "--stages")

    def test_a_cpu_that_is_not_there(self):
        for words in (["connect", "--classifier-cpu", "1000"], ["scale", "--cpus", "0,1000"]):
            run = bench(*words)
            self.assertEqual(run.returncode, 1)
            self.assertIn("may not run on cpu 1000", run.stderr)

    def test_help_names_what_is_taken(self):
        text = bench("--help").stdout
        for word in ("--size", "--interactive", "--ipv6", "imix"):
            self.assertIn(word, text)


class Prompt(unittest.TestCase):
    def test_bad_words_are_named_and_end_in_an_error(self):
        run = bench("-i", lines=["fly", "set wings 2", "set size 5", "set cpu 1", "stop", "show weather", "wait 1",
                                 "start now", "set"])
        self.assertEqual(run.returncode, 1)
        for word in ("fly", "wings", "size", "command line", "nothing is running", "weather", "nothing may follow",
                     "show config"):
            self.assertIn(word, run.stderr)
        self.assertEqual(len(run.stderr.splitlines()), 9, run.stderr)

    def test_config_shows_what_was_set(self):
        run = bench("-i", lines=["set size imix", "set hits 97.5", "  set   family\tipv6 ", "# no command", "",
                                 "show config"])
        self.assertEqual(run.returncode, 0, run.stderr)
        shown = dict(line.split(None, 1) for line in run.stdout.splitlines() if line.startswith("  ") and " " in
                     line.strip())
        self.assertEqual(shown["size"].strip(), "imix")
        self.assertEqual(shown["misses"].strip(), "2.5")
        self.assertEqual(shown["family"].strip(), "ipv6")

    def test_a_refused_value_leaves_the_old_one(self):
        run = bench("-i", lines=["set flows 7,8", "set flows 7,x", "show config"])
        self.assertRegex(run.stdout, r"flows +7,8\n")

    def test_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "out.json")
            run = bench("-i", "--packets", "20000", "--json", path, lines=[
                "set latency on", "set stages on", "start", "wait 100000 packets", "show rates", "stop", "show table",
                "show drops", "show latency", "show stages", "set mode full-nat", "set proto udp", "set hits 90",
                "start", "wait 100000 packets", "set size 64", "show drops", "quit"])
            self.assertIn("stop first", run.stderr)
            self.assertEqual(run.returncode, 1)
            self.assertIn("routes 100 of 100", run.stdout)
            self.assertRegex(run.stdout, r"rewrite +[0-9.]+ ")
            self.assertIn("a turn in ns", run.stdout)
            with open(path, encoding="utf-8") as f:
                result = json.load(f)
        first, second = result["rows"]
        self.assertEqual(first["counters"]["hits"], first["counters"]["tx_packets"])
        self.assertGreaterEqual(first["counters"]["rx_packets"], 100000)
        self.assertEqual(first["drops"], {})
        self.assertGreater(second["counters"]["misses"], 5000)
        self.assertIn("full-nat udp", second["name"])

    def test_end_of_input_ends_the_run(self):
        run = bench("-i", lines=["start"])
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("0 dropped", run.stdout)

    def test_other_traffic_gets_other_routes(self):
        lines = []
        for mode in ("tunnel", "half-nat", "full-nat", "return", "full-return"):
            for family in ("ipv4", "ipv6"):
                lines += [f"set mode {mode}", f"set family {family}", "start", "wait 20000 packets", "stop"]
        run = bench("-i", lines=lines)
        self.assertEqual(run.returncode, 0, run.stderr)


class Measured(unittest.TestCase):
    def measure(self, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            js, cs = os.path.join(folder, "out.json"), os.path.join(folder, "out.csv")
            run = bench("--no-testpmd", "--packets", "20000", "--repetitions", "3", "--json", js, "--csv", cs,
                        *arguments)
            self.assertEqual(run.returncode, 0, run.stderr)
            with open(js, encoding="utf-8") as f:
                result = json.load(f)
            with open(cs, encoding="utf-8", newline="") as f:
                table = list(csv.DictReader(f))
        self.assertEqual(result["format"], "baton-bench/1")
        self.assertEqual(set(result["machine"]), {"cpu", "cpus", "memory_mb", "kernel", "dpdk", "tsc_hz", "hugepages",
                                                  "load_before", "load_after"})
        self.assertEqual([r["name"] for r in result["rows"]], [r["name"] for r in table])
        for row in result["rows"]:
            self.assertEqual(len(row["samples"]), row["runs"])
            self.assertAlmostEqual(sorted(row["samples"])[row["runs"] // 2], row["median_cycles"])
        return result, table


class Output(Measured):
    def test_forward(self):
        result, table = self.measure("--stages", "--latency", "--burst", "8")
        io, _, device = result["rows"]
        self.assertIsNone(io["stages"])
        self.assertEqual(set(device["stages"]), STAGES | {"total", "without", "marks"})
        self.assertAlmostEqual(sum(device["stages"][s] for s in STAGES), device["stages"]["total"], places=3)
        turns = device["turn_ns"]
        self.assertLessEqual(turns["median"], turns["p99"])
        self.assertLessEqual(turns["p99"], turns["p999"])
        self.assertEqual(table[2]["drops"], "0")
        self.assertEqual(result["options"]["burst"], "8")

    def test_imix_in_its_proportions(self):
        result, _ = self.measure("--size", "imix")
        c = result["rows"][2]["counters"]
        mean = (7 * 60 + 4 * 590 + 1 * 1514) / 12
        self.assertAlmostEqual(c["rx_bytes"] / c["rx_packets"], mean, delta=0.5)

    def test_rings(self):
        for words in ([], ["--ipv6", "--size", "imix"], ["--mode", "full-nat", "--misses", "10"],
                      ["--mode", "return", "--udp"]):
            run = bench("--rings", "--repetitions", "1", "--packets", "20000", *words)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertRegex(run.stdout, r" 0 lost, 0 wrong, 0 foreign")

    def test_connect_and_table(self):
        result, _ = self.measure("connect", "--latency")
        self.assertEqual(result["unit"], "connection")
        self.assertEqual(result["rows"][0]["counters"]["introductions"], 100)
        self.assertIsNotNone(result["rows"][0]["turn_ns"])
        self.measure("flood")  # whose names have commas
        result, _ = self.measure("memory")
        self.assertEqual([row["name"] for row in result["rows"]], ["entry", "bucket and entry"])
        result, _ = self.measure("table")
        self.assertEqual(result["unit"], "lookup")


def two_cpus():
    """The first and the last that this process may use: the same one if there is no other."""
    cpus = sorted(os.sched_getaffinity(0))
    return str(cpus[0]), str(cpus[-1])


class Cores(Measured):
    """Several lcores: on CPUs of their own if the machine has them, and sharing one everywhere."""
    def distances_of(self, row, shared):
        self.assertEqual(len(row["distance_ns"]), row["runs"])
        self.assertEqual(sum(group["runs"] for group in row["by_distance"].values()), row["runs"])
        for before, after in row["distance_ns"]:
            self.assertEqual((before > 0, after > 0), (not shared, not shared))
        self.assertEqual("shared" in row["by_distance"], shared)

    def test_connect(self):
        first, last = two_cpus()
        for cpu, words in ((last, []), (first, ["--mode", "half-nat", "--udp"]), (last, ["--ipv6"])):
            result, table = self.measure("connect", "--flows", "5000", "--cpu", first, "--classifier-cpu", cpu, *words)
            row = result["rows"][0]
            self.assertEqual(row["counters"]["tx_packets"], 5000)
            self.assertEqual(row["counters"]["misses"], 5000)
            self.assertEqual(row["drops"], {})
            self.assertGreater(row["at_work_cycles"]["forwarder"], 0)
            self.assertGreater(row["at_work_cycles"]["classifier"], 0)
            self.distances_of(row, cpu == first)
            self.assertEqual(sum(int(table[0][f"{g}_runs"]) for g in ("fast", "slow", "flipped", "shared")), 3)

    def test_scale(self):
        first, last = two_cpus()
        for cpus, words in (((first, last), ["--latency"]), ((first, first, last), ["--mode", "full-nat", "--churn", "1"])):
            result, _ = self.measure("scale", "--flows", "100,1000", "--cpus", ",".join(cpus), *words)
            n = len(cpus)
            self.assertEqual(len(result["rows"]), 2 * (2 * n + 1))
            alone, beside, total = result["rows"][:n], result["rows"][n:2 * n], result["rows"][2 * n]
            for row in alone:
                self.assertIsNone(row["distance_ns"])
                self.assertEqual(row["turn_ns"] is not None, "--latency" in words)
            for row in beside + [total]:
                self.distances_of(row, len(set(cpus)) < n)
            for i in range(3):
                rate = sum(1 / row["samples"][i] for row in beside)
                self.assertAlmostEqual(1 / total["samples"][i], rate)
                self.assertAlmostEqual(total["scaling"][i], rate / sum(1 / row["samples"][i] for row in alone))

    def test_one_core_has_no_distances(self):
        result, _ = self.measure("connect")
        for name in ("distance_ns", "by_distance", "scaling", "at_work_cycles"):
            self.assertIsNone(result["rows"][0][name])


if __name__ == "__main__":
    unittest.main()
