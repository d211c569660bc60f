"""Sums up a test run: `count_results.py FOLDER` prints "N passed, N failed".

FOLDER holds CTest's JUnit files (one entry a program) and, in a folder per build, GoogleTest's XML of
each program. A program without XML that is a script counts as one test; one that died counts as one
failure besides the tests it had reported.
"""

import pathlib
import sys
import xml.etree.ElementTree as xml


def count_program(report):
    root = xml.parse(report).getroot()
    failed = int(root.get("failures")) + int(root.get("errors"))
    return int(root.get("tests")) - failed, failed


def count(folder):
    passed = failed = 0
    for ctest_report in sorted(folder.glob("*.xml")):
        build = ctest_report.stem.rsplit("-", 1)[0]
        for entry in xml.parse(ctest_report).getroot().iter("testcase"):
            fine = entry.get("status") == "run" and entry.find("failure") is None
            program = folder / build / (entry.get("name") + ".xml")
            inside = count_program(program) if program.exists() else None
            if inside is None:
                passed, failed = passed + fine, failed + (not fine)
                continue
            passed += inside[0]
            failed += inside[1] if fine or inside[1] else 1
    return passed, failed


if __name__ == "__main__":
    total_passed, total_failed = count(pathlib.Path(sys.argv[1]))
    print(f"{total_passed} passed, {total_failed} failed")
    sys.exit(1 if total_failed or not total_passed else 0)
