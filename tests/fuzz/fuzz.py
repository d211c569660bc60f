"""Runs a fuzz target: its corpus first, then inputs of libFuzzer's own.
usage: fuzz.py run PROGRAM SECONDS      fails where the program does, and says by which input
       fuzz.py grow PROGRAM SECONDS     the same, and adds what reached something new to the corpus
       fuzz.py once PROGRAM INPUT       one input, in base64
A corpus is one text file, corpus/NAME: an input a line, in base64."""

import base64
import os
import pathlib
import re
import subprocess
import sys
import tempfile

CORPUS = pathlib.Path(__file__).parent / "corpus"
INPUT_BYTES_MAX = 4_096
LIMITS = [f"-max_len={INPUT_BYTES_MAX}", "-timeout=20", "-rss_limit_mb=1024", "-print_final_stats=1"]


def corpus_of(program):
    return CORPUS / pathlib.Path(program).name.removeprefix("fuzz_")


def unpack(program, folder):
    """The corpus and the seeds that the program itself makes; how many."""
    folder.mkdir()
    subprocess.run([program], env=dict(os.environ, PENSTOCK_SEEDS=str(folder)), check=True)
    file = corpus_of(program)
    for at, line in enumerate(file.read_text().split() if file.exists() else []):
        (folder / f"corpus-{at}").write_bytes(base64.b64decode(line))
    return len(list(folder.iterdir()))


def fuzz(program, seconds, folder, work):
    count = unpack(program, folder)
    words = [program, *LIMITS, f"-artifact_prefix={work}/", "-verbosity=1"]
    replay = subprocess.run([*words, "-runs=0", folder], capture_output=True, text=True, errors="replace")
    done = replay
    if replay.returncode == 0:
        done = subprocess.run([*words, f"-max_total_time={seconds}", folder], capture_output=True,
                              text=True, errors="replace")
    ran = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    found = re.findall(r"cov: (\d+)", done.stderr)
    print(f"{pathlib.Path(program).name}: {count} inputs of the corpus, {ran[1] if ran else '?'} runs,"
          f" coverage {found[-1] if found else '?'}", flush=True)
    if done.returncode == 0:
        return True
    print("\n".join(done.stderr.splitlines()[-60:]))
    for left in pathlib.Path(work).glob("*-*"):
        if left.is_file():
            print(f"{left.name}: fuzz.py once {program} {base64.b64encode(left.read_bytes()).decode()}")
    return False


def grow(program, folder, work):
    least = work / "least"
    least.mkdir()
    subprocess.run([program, *LIMITS, "-merge=1", least, folder], check=True, stderr=subprocess.DEVNULL)
    lines = sorted({base64.b64encode(one.read_bytes()).decode() for one in least.iterdir()} - {""})
    corpus_of(program).write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} inputs, {corpus_of(program).stat().st_size >> 10} KiB")


def main(verb, program, what):
    with tempfile.TemporaryDirectory(prefix="penstock-fuzz-") as place:
        work = pathlib.Path(place)
        if verb == "once":
            file = work / "input"
            file.write_bytes(base64.b64decode(what))
            return subprocess.run([program, *LIMITS, file]).returncode == 0
        good = fuzz(program, int(what), work / "inputs", work)
        if good and verb == "grow":
            grow(program, work / "inputs", work)
        return good


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("run", "grow", "once"):
        sys.exit(__doc__)
    sys.exit(0 if main(*sys.argv[1:]) else 1)
