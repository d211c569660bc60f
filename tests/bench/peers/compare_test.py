"""The tool that compares, on Penstock alone: its tables, and each workload for a moment on the real
binary, so that it does not rot between two measurements. `PENSTOCK_BINARY=… PENSTOCK_PEERS=FOLDER
compare_test.py`, the folder of mqload."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "end_to_end"))

import workloads  # noqa: E402
from generator import measure  # noqa: E402
from peers import BareLog  # noqa: E402
from penstock_broker import Penstock  # noqa: E402
from processes import Scope  # noqa: E402
from server import data_folder  # noqa: E402
from tables import replace_section, table  # noqa: E402

SHORT = workloads.Sizes(0.4, 0.1, False, 3_000, 500, 20, 5, 1, 2)


def send(who, rate, **more):
    record = {"load": "1 KiB", "who": who, "acknowledged_per_s": rate, "ack_p50_us": 1e6 / rate}
    return {**record, "ack_p99_us": 1500, "server_cores": 1, "errors": 0, **more}


class TablesTest(unittest.TestCase):
    def row(self, text, who):
        return next(line for line in text.splitlines() if f"| {who} |" in line)

    def test_medians_spread_and_ratios(self):
        records = [send("Penstock", rate) for rate in (400, 100, 300)]
        records += [send("RabbitMQ", rate) for rate in (100, 90, 150)]
        text = table("W1-1", records)
        self.assertIn("| 300 (100 to 400) |", self.row(text, "Penstock"))
        self.assertIn("| 3.00 |", self.row(text, "Penstock"))
        self.assertIn("1.50 ms", text)
        self.assertNotIn("x Redis", text)  # nobody has it

    def test_what_went_wrong_is_shown(self):
        records = [send("a", 5, errors=7), send("b", 5, other_cores=0.8), send("c", 5)]
        records += [{"load": "1 KiB", "who": "c", "failed": "it\nbroke"}]
        records += [{"load": "1 KiB", "who": "d", "failed": "at once"}]
        records += [send("e", 5, client_cores=0.94), send("f", 5, duplicates=3, missing=2)]
        text = table("W1-1", records)
        self.assertIn("ERRORS 7", self.row(text, "a"))
        self.assertIn("the load used 0.9 cores", self.row(text, "e"))
        self.assertIn("MISSING 2; 3 came twice", self.row(text, "f"))
        self.assertIn("others used 0.8 cores", self.row(text, "b"))
        self.assertIn("1 FAILED: broke", self.row(text, "c"))
        self.assertIn("| failed |", self.row(text, "d"))

    def test_a_section_is_replaced_and_the_others_stay(self):
        before = "# All\n\nwords\n\n## W1-1 one\n\nold\n\n## W2-1 two\n\nkept\n"
        after = replace_section(before, "W1-1 one", "new\n")
        self.assertEqual(after, before.replace("old", "new"))
        self.assertEqual(replace_section("# All\n", "W3", "x"), "# All\n\n## W3\n\nx\n")


class WorkloadsTest(unittest.TestCase):
    def run_workload(self, workload, *more):
        scope = Scope()
        self.addCleanup(scope.close)
        broker = Penstock(1)
        broker.start(scope, data_folder(self))
        said = []
        runner = workloads.Runner(SHORT, said.append)
        workload(runner, broker, *([scope] if more else []))
        for record in runner.records:
            self.assertNotIn("failed", record, record)
            for trouble in ("errors", "complaints", "missing", "duplicates"):
                self.assertEqual(record.get(trouble, 0), 0, (trouble, record))
        self.assertEqual(len(said), len(runner.records))
        return runner.records

    def test_the_bare_log_agrees(self):
        scope = Scope()
        self.addCleanup(scope.close)
        log = BareLog()
        log.start(scope, None)
        figures = log.measure(1024, 16, 1, 0.2)
        self.assertNotIn("failed", figures)
        self.assertGreater(figures["acknowledged_per_s"], 100)
        self.assertGreaterEqual(figures["ack_p99_us"], figures["ack_p50_us"])

    def test_sends(self):
        records = self.run_workload(workloads.sends)
        self.assertEqual({one["who"].split(", ")[1] for one in records},
                         {"TCP", "HTTP", "HTTP by 16"})  # fmt: skip
        for record in records:
            self.assertGreater(record["acknowledged_per_s"], 0, record)
            self.assertGreater(record["server_cores"], 0, record)
            # A sync of the log is behind each acknowledgement.
            self.assertGreater(record["written_a_message"], 0, record)

    def test_cycles(self):
        for record in self.run_workload(workloads.cycles):
            self.assertEqual(record["delivered"], record["acknowledged"], record)

    def test_fans(self):
        for record in self.run_workload(workloads.fans):
            self.assertEqual(record["delivered"], 10 * record["acknowledged"], record)

    def test_pushes(self):
        for record in self.run_workload(workloads.pushes, "scope"):
            self.assertGreater(record["posts"], 0, record)
            self.assertGreater(record["delivery_p50_us"], 0, record)

    def test_backlogs(self):
        (record,) = self.run_workload(workloads.backlogs)
        self.assertEqual(record["delivered"], SHORT.backlog)
        self.assertGreater(record["sends_beside_all"], 0)
        self.assertGreater(record["drained_beside_some"], 0)
        self.assertGreater(record["disk_per_message"], 0)
        self.assertGreater(record["resident"], 0)


    def test_growth(self):
        records = self.run_workload(workloads.growth)
        self.assertEqual(len({(one["load"], one["who"]) for one in records}), 4)
        for record in records:
            self.assertGreater(record["acknowledged_per_s"], 0, record)
        text = table("W7-1", records)
        self.assertEqual(text.count("| 1.00 |"), 2, text)


class GeneratorTest(unittest.TestCase):
    def setUp(self):
        self.scope = Scope()
        self.addCleanup(self.scope.close)
        self.broker = Penstock(1)
        self.broker.start(self.scope, data_folder(self))
        self.way = self.broker.ways[0]

    def test_what_was_acknowledged_and_does_not_come_is_lost(self):
        kept = data_folder(self) / "acknowledged"
        counted = ["--mode", "send", "--count", 100, "--acknowledged-file", kept]
        full = self.broker.target(self.way)
        self.assertEqual(measure([*full, *counted])["acknowledged"], 100)
        empty = self.broker.target(self.way)
        draining = ["--mode", "drain", "--idle", 0.5, "--verify-file", kept]
        self.assertEqual(measure([*empty, *draining])["lost"], 100)
        drained = measure([*full, *draining])
        self.assertEqual((drained["verified"], drained["lost"]), (100, 0))

    def test_refusals_are_counted(self):
        words = self.broker.target(self.way)
        words[words.index("--object") + 1] = "nobody-made-it"
        figures = measure([*words, "--mode", "send", "--count", 10])
        self.assertEqual((figures["errors"], figures["acknowledged"]), (10, 0))
        self.assertIn("4440", figures["said"])

    def test_a_server_that_dies_fails_the_run(self):
        words = self.broker.target(self.way)
        self.broker.servers[0].kill()
        figures = measure([*words, "--mode", "send", "--count", 10])
        self.assertIn("Connection refused", figures["failed"])

    def test_a_wrong_option_is_named(self):
        figures = measure(["--driver", "amqp", "--endpoints", "127.0.0.1:1", "--size", 5])
        self.assertIn("--size must be a number from 32", figures["failed"])
        figures = measure(["--driver", "carrier-pigeon", "--endpoints", "127.0.0.1:1"])
        self.assertIn("--driver must be", figures["failed"])


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
