"""meshcheck on an installed package as debbuild describes it, beside debsums."""

import datetime
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from benchmarking.checks import timed
from benchmarking.checks_report import mark
from benchmarking.payloads import MIB, say

INFORMATION = Path("/var/lib/dpkg/info")
INSTALLED = "\n# Installed packages, beside debsums\n"

PACKAGES_METHOD = """\
Each program verifies installed packages of this machine: meshcheck against the scenario that `meshcheck init --package` drafts,
which is the one that debbuild would write, and debsums against dpkg's MD5 sums. Both read every file; meshcheck also checks
types, modes, owners, links, capabilities, access lists, dependencies, users and alternatives. The programs take turns as above,
with all files in the page cache. debsums is written in Perl and uses one processor; meshcheck uses all."""


def installed_files(sums):
    """The files of dpkg's list with checksums that are there as they are listed, and their bytes."""
    paths = [Path("/" + line.split("  ", 1)[1]) for line in sums.read_text(errors="replace").splitlines()]
    return len(paths), sum(path.stat().st_size for path in paths if path.is_file())


def is_intact(package):
    """Whether debsums has nothing to say: a package that is damaged would stop the one program and not the other."""
    return subprocess.run(["debsums", "--silent", package], capture_output=True).returncode == 0


def choose():
    """Of the packages here: one with the most files, one with the most bytes, two of usual sizes."""
    found = []
    for sums in INFORMATION.glob("*.md5sums"):
        count, size = installed_files(sums)
        if count > 0:
            found.append((sums.name.removesuffix(".md5sums"), count, size))
    rules = [
        ("the most files", lambda item: -item[1]), ("the most bytes", lambda item: -item[2]),
        ("about 300 files", lambda item: abs(item[1] - 300)), ("about 20 files", lambda item: abs(item[1] - 20))]
    chosen = {}
    for words, rule in rules:
        for item in sorted(found, key=rule):
            if item[0] not in chosen and is_intact(item[0]):
                chosen[item[0]] = (words, *item)
                break
    return list(chosen.values())


def measure_debsums(options):
    """Both programs in turns on the same packages, with everything in the page cache."""
    if not shutil.which("debsums"):
        say("debsums is not here and is left out")
        return []
    folder = Path(tempfile.mkdtemp(prefix="benchmark-debsums-"))
    cases = []
    try:
        for words, package, count, size in choose():
            scenario = folder / f"{package.replace(':', '_')}.yaml"
            subprocess.run(
                [options.meshcheck, "init", "--package", package, "--output", str(scenario)], check=True,
                capture_output=True)
            commands = {
                "meshcheck": [options.meshcheck, "run", str(scenario), "--no-packages", "--quiet"],
                # Only what is wrong is printed. Neither reads conffiles, which may be edited.
                "debsums": ["debsums", "--silent", package]}
            rows = {}
            for turn in range((options.rounds or 9) + 1):
                for program in list(commands) if turn % 2 else list(reversed(commands)):
                    sample = timed(commands[program], folder / "output", memory=turn == 0)
                    rows.setdefault(program, []).append(sample)
            case = {"words": words, "package": package, "files": count, "bytes": size, "rows": {}}
            for program, samples in rows.items():
                walls = [sample["wall"] for sample in samples[1:]]
                row = case["rows"][program] = {
                    "wall": statistics.median(walls), "least": min(walls),
                    "cpu": statistics.median(sample["cpu"] for sample in samples[1:]), "rss": samples[0]["rss"]}
                say(f"{package}, {program}: {row['wall']:.3f} s (least {row['least']:.3f}, CPU {row['cpu']:.3f}), "
                    f"{row['rss'] / MIB:.1f} MiB")
            cases.append(case)
    finally:
        shutil.rmtree(folder)
    return cases


def installed_report(options, cases):
    version = subprocess.run([options.meshcheck, "version"], capture_output=True, text=True).stdout.split("\n")[0]
    sums = subprocess.run(["debsums", "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    lines = [INSTALLED.strip("\n"), "", PACKAGES_METHOD, "",
             f"- {os.cpu_count()} processors, Linux {platform.release().partition('-')[0]}, "
             f"{datetime.date.today().isoformat()}, load {os.getloadavg()[1]:.1f} in the last 5 minutes",
             f"- {version}; {sums}", "",
             "| | files | MiB | program | median s | minimum s | CPU s | peak MiB | debsums ÷ meshcheck |",
             "|---|---:|---:|---|---:|---:|---:|---:|---:|"]
    for case in cases:
        for program in ["meshcheck", "debsums"]:
            row, is_own = case["rows"][program], program == "meshcheck"
            ratio = case["rows"]["debsums"]["wall"] / case["rows"]["meshcheck"]["wall"]
            lines.append(
                f"| {case['package'] + ': ' + case['words'] if is_own else ''} | {case['files'] if is_own else ''} | "
                f"{format(case['bytes'] / MIB, '.1f') if is_own else ''} | {program} | {row['wall']:.3f} | {row['least']:.3f} | "
                f"{row['cpu']:.3f} | {row['rss'] / MIB:.1f} | {mark(1, ratio, f'{ratio:.2f}') if is_own else ''} |")
    return "\n" + "\n".join(lines + ["", "Bold: debsums is faster."]) + "\n"
