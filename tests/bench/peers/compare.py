"""Penstock and its peers, measured alternately in one run on one machine: compare.sh runs it."""

import argparse
import datetime
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parents[2]
RESULTS = HERE.parent / "PEERS.md"
sys.path.insert(0, str(HERE.parents[1] / "end_to_end"))
FLOOR_SECONDS = 1
ROUNDS = 3


def arguments():
    parser = argparse.ArgumentParser(
        prog="compare.sh", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("workloads", nargs="*", metavar="WORKLOAD",
        help="W1 to W6, on one node and on three (W1), or on so many (W1-1, W1-3); none: all")
    add("--build", type=pathlib.Path, default=TREE / "build" / "release",
        help="the build folder; given, nothing is built")
    add("--rounds", type=int,
        help="repetitions, each with fresh folders; else three, of W5 one")
    add("--seconds", type=float, default=3, help="measured, of each run")
    add("--warmup", type=float, default=1, help="seconds before that")
    add("--all-cells", action="store_true", help="W1: every size with every number outstanding")
    add("--backlog", type=int, default=10_000_000, help="W5: messages")
    add("--quick", action="store_true",
        help="one round of one second each, small backlogs: shows that it works, writes nothing")
    add("--only", default="", metavar="WHO,...", help="only brokers whose names begin so")
    add("--output", type=pathlib.Path, default=RESULTS, help=f"default: {RESULTS.name}")
    return parser.parse_args()  # fmt: skip


def chosen(asked, workloads):
    if not asked:
        return list(workloads)
    names = []
    for word in asked:
        found = [name for name in workloads if name == word or name.startswith(word + "-")]
        if not found:
            sys.exit(f"compare.sh: no workload {word}; there are {', '.join(workloads)}")
        names += found
    return [name for name in workloads if name in names]


class Comparison:
    def __init__(self, options):
        # These modules read the environment that main() has set.
        from workloads import Sizes

        self.options = options
        self.began = time.monotonic()
        self.sizes = Sizes(options.seconds, options.warmup, options.all_cells, options.backlog)
        if options.quick:
            options.rounds = 1
            self.sizes = Sizes(1, 0.3, False, 20_000, 5_000, 100, 20, 2, 4)

    def say(self, text):
        spent = int(time.monotonic() - self.began)
        print(f"[{spent // 60:02}:{spent % 60:02}] {text}", flush=True)

    def wanted(self, broker):
        names = [name for name in self.options.only.split(",") if name]
        return not names or any(broker.who.startswith(name) for name in names)

    def floor(self, folder, files):
        words = [os.environ["PENSTOCK_PEERS"] + "/sync_floor", folder, FLOOR_SECONDS, 1100, files]
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True)
        return json.loads(done.stdout)["p50_us"]

    def one_broker(self, workload, broker, runner):
        from processes import Scope

        try:
            with Scope() as scope:
                broker.start(scope, scope.folder())
                if workload.needs_scope:
                    workload.run(runner, broker, scope)
                else:
                    workload.run(runner, broker)
        except Exception as why:  # whatever it was, it is shown, and the others are measured
            told = str(why) or type(why).__name__
            runner.keep("the broker itself", broker.ways[0].who, {"failed": told})

    def measure(self, name, workload):
        """All rounds of a workload; its section."""
        from processes import Scope
        from tables import table
        from workloads import Runner

        brokers = [broker for broker in (maker() for maker in workload.brokers)
                   if self.wanted(broker)]  # fmt: skip
        runner = Runner(self.sizes, self.say)
        floors = {1: [], 3: []}
        load = os.getloadavg()[0]
        rounds = self.options.rounds or (1 if workload.long else ROUNDS)
        for turn in range(rounds):
            self.say(f"{name} {workload.title}: round {turn + 1} of {rounds}")
            with Scope() as scope:
                folder = scope.folder()
                for files, found in floors.items():
                    found.append(self.floor(folder, files))
            for broker in brokers:
                self.one_broker(workload, broker, runner)
        took = f"{rounds} rounds" if rounds > 1 else "one round"
        if workload.timed:
            took += f" of {self.sizes.seconds:g} s after {self.sizes.warmup:g} s"
        conditions = self.conditions(took, brokers, floors, load)
        return "\n\n".join([conditions, table(name, runner.records)])

    def conditions(self, took, brokers, floors, load):
        syncs = " and ".join(f"{sorted(found)[len(found) // 2]:.0f} us ({files} in turn)"
                             for files, found in floors.items())  # fmt: skip
        commit = subprocess.run(["git", "-C", TREE, "rev-parse", "--short", "HEAD"],
                                capture_output=True, text=True).stdout.strip()  # fmt: skip
        lines = [
            f"{datetime.date.today()}, tree {commit or 'unknown'}: {took}; median (lowest to"
            f" highest). {os.cpu_count()} cores ({processor()}), {memory_gib()} GiB, Linux"
            f" {platform.release().split('-')[0]}; load average before {load:.1f}; an fdatasync of"
            f" 1,100 bytes: {syncs}."
        ]
        lines += [f"- {broker.who}: {broker.name}; {broker.ack}." for broker in brokers]
        return "\n".join(lines)


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def memory_gib():
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def ended(number, _):
    sys.exit(128 + number)


def main():
    options = arguments()
    build = options.build.resolve()
    os.environ["PENSTOCK_BINARY"] = str(build / "broker" / "penstock")
    os.environ.setdefault("PENSTOCK_PEERS", str(build / "tests" / "bench" / "peers"))
    for file in (os.environ["PENSTOCK_BINARY"], os.environ["PENSTOCK_PEERS"] + "/mqload"):
        if not pathlib.Path(file).exists():
            sys.exit(f"compare.sh: there is no {file}; build it, or leave out --build")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ended)  # so that what runs is ended, too

    from peers import PushConsumer
    from tables import replace_section
    from workloads import WORKLOADS

    names = chosen(options.workloads, WORKLOADS)
    if any(name.startswith("W4") for name in names):
        PushConsumer.install()
    comparison = Comparison(options)
    for name in names:
        workload = WORKLOADS[name]
        section = comparison.measure(name, workload)
        print(f"\n## {name} {workload.title}\n\n{section}\n", flush=True)
        if options.quick:
            continue
        known = options.output if options.output.exists() else RESULTS
        text = known.read_text()
        if known is not options.output:
            text = text.split("\n## ")[0] + "\n"
        options.output.write_text(replace_section(text, f"{name} {workload.title}", section))
        comparison.say(f"written to {options.output}")


if __name__ == "__main__":
    main()
