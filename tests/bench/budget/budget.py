"""Holds what a message costs to budget.txt: counts that are the same in every run, no times.

    budget.py counts PROGRAM [--write]         allocations, rows, bytes, writes and syncs
    budget.py instructions PROGRAM [--write]   instructions, counted by valgrind's callgrind

PROGRAM is budget_paths. A figure over its budget, or so far under it that the budget says nothing any
more, fails by name. --write puts what was measured into budget.txt."""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

BUDGET = pathlib.Path(__file__).with_name("budget.txt")
INSTRUCTIONS = "instructions"
COUNTED = "penstock::budget::counted(*"
MESSAGES = {"counts": 4096, INSTRUCTIONS: 256}
# Compilers and libraries move instructions a little; counts they do not.
OVER_MAX = {"counts": 1.05, INSTRUCTIONS: 1.10}
UNDER_MIN = 0.80
ROUNDING = 0.02  # of figures with two decimals
VALGRIND_SECONDS_MAX = 300


def read_table(text):
    """{path: {figure: value}}; '-' is no figure, '#' begins a remark."""
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    names = lines[0][1:]
    return {words[0]: {name: float(word) for name, word in zip(names, words[1:], strict=True) if word != "-"}
            for words in lines[1:]}


def write_table(table):
    names = list(dict.fromkeys(name for row in table.values() for name in row))
    width = max(len(path) for path in table)
    out = ["path".ljust(width) + "".join(f" {name:>12}" for name in names)]
    for path, row in table.items():
        shown = (f"{row[name]:.{0 if name == INSTRUCTIONS else 2}f}" if name in row else "-" for name in names)
        out.append(path.ljust(width) + "".join(f" {word:>12}" for word in shown))
    return "\n".join(out) + "\n"


def measured_counts(program):
    done = subprocess.run([program, str(MESSAGES["counts"])], capture_output=True, text=True, check=True)
    return read_table(done.stdout)


def instructions_of(program, path):
    """Of one message, on all threads, while it is counted."""
    words = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--toggle-collect={COUNTED}",
             program, str(MESSAGES[INSTRUCTIONS]), path]
    done = subprocess.run(words, capture_output=True, text=True, timeout=VALGRIND_SECONDS_MAX)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or found is None:
        sys.exit(f"{path} under valgrind ended with {done.returncode}:\n{done.stderr}")
    return int(found[1]) / MESSAGES[INSTRUCTIONS]


def measured_instructions(program):
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is not installed")
    paths = list(read_table(subprocess.run([program, "64"], capture_output=True, text=True, check=True).stdout))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = pool.map(lambda path: instructions_of(program, path), paths)
        return {path: {INSTRUCTIONS: count} for path, count in zip(paths, counts)}


def judge(budget, measured, over_max):
    """What is to be complained about, one line each."""
    problems = []
    for path, row in measured.items():
        for name, value in row.items():
            if name not in budget.get(path, {}):
                problems.append(f"{path}: {name} {value:.2f} has no budget")
                continue
            allowed = budget[path][name]
            if value > allowed * over_max + ROUNDING:
                problems.append(f"{path}: {name} {value:.2f} a message, over its budget of {allowed:.2f}")
            elif value < allowed * UNDER_MIN - ROUNDING:
                problems.append(f"{path}: {name} {value:.2f} a message, far under {allowed:.2f}: lower the budget")
    problems += [f"{path}: is in the budget and was not measured" for path in budget if path not in measured]
    return problems


def merged(budget, measured):
    """The budget with what was measured in its place; paths that are no more leave it."""
    return {path: {**budget.get(path, {}), **row} for path, row in measured.items()}


def main(kind, program, write):
    text = BUDGET.read_text()
    budget = read_table(text)
    measured = measured_counts(program) if kind == "counts" else measured_instructions(program)
    print(write_table(measured), end="")
    if write:
        remarks = "".join(line + "\n" for line in text.splitlines() if line.startswith("#"))
        BUDGET.write_text(remarks + write_table(merged(budget, measured)))
        return 0
    problems = judge(budget, measured, OVER_MAX[kind])
    for problem in problems:
        print(problem)
    if problems:
        print("Meant so? `budget.py", kind, "PROGRAM --write`, and say why in the change.")
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in OVER_MAX:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], "--write" in sys.argv[3:]))
