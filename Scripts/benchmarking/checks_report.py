"""The measurements of meshcheck as Markdown."""

import datetime
import os
import platform
import shutil
import subprocess

from benchmarking.payloads import MIB

HEADING = "\n# meshcheck\n"

METHOD = """\
Scenarios of one kind of check each, against servers of the benchmark on ports of loopback: dnsmasq, an HTTP server of
Python's asyncio that keeps connections, and as many listening sockets as there are port checks. The programs of a case take
turns, the order reversed in every other turn; the first turn fills the caches and measures memory, and median and minimum
of the wall time come from the turns after it. Time is from exec to exit, so starting and reading the scenario count.
CPU time is that of wait4(2), with the programs that checks ran. Memory is the greatest `VmHWM`, the program's text that the
page cache holds for everybody included. A run that does not pass all checks is a failure."""


def mark(value, bound, text):
    return text if bound is None or value <= bound else f"**{text}**"


def checks_report(options, cases, fleet):
    version = subprocess.run([options.meshcheck, "version"], capture_output=True, text=True).stdout.split("\n")[0]
    lines = [HEADING.strip("\n"), "", "## Method of the checks", "", METHOD, "",
             f"- {os.cpu_count()} processors, Linux {platform.release().partition('-')[0]}, "
             f"{datetime.date.today().isoformat()}, load {os.getloadavg()[1]:.1f} in the last 5 minutes",
             f"- {version}" + ("" if shutil.which("goss") else "; goss is not on the PATH and is left out"), "",
             "## Checks", "",
             "| | goal s | program | median s | minimum s | CPU s | peak MiB | median ÷ meshcheck |",
             "|---|---:|---|---:|---:|---:|---:|---:|"]
    for case in cases:
        rows = case["rows"]
        own = rows["meshcheck"]
        peer = rows.get("grep -E")
        goal = 1.5 * peer["wall"] if peer else case["goal"]
        for program, row in sorted(rows.items(), key=lambda item: item[0] != "meshcheck"):
            is_own = program == "meshcheck"
            bound = goal if is_own else None
            memory = mark(row["rss"] / MIB, 30 if is_own else None, f"{row['rss'] / MIB:.1f}")
            shown = f"{goal:.3f}" + (" (1.5 × grep)" if peer else "")
            lines.append(
                f"| {case['title'] if is_own else ''} | {shown if is_own else ''} | {program} | "
                f"{mark(row['wall'], bound, format(row['wall'], '.3f'))} | "
                f"{mark(row['least'], bound, format(row['least'], '.3f'))} | {row['cpu']:.3f} | {memory} | "
                f"{row['wall'] / own['wall']:.2f} |")
    lines += ["", "Bold: the goal is missed; that of memory is 30 MiB."]
    if fleet:
        own, bare = fleet["rows"]["meshcheck"], fleet["rows"]["ssh true"]
        lines += [
            "", f"## {fleet['count']} ssh targets, {fleet['forks']} at once", "",
            "One sshd on an address of loopback for each target, in a network namespace of its own; one check a target. "
            "All targets share this machine's processors, which fleets do not: what the programs cost there is in the "
            "ratio. Program and scenarios were sent before; to the first target, with sending, it took "
            f"{fleet['first']:.2f} s.", "",
            "| | median s | minimum s | ÷ ssh true |", "|---|---:|---:|---:|",
            f"| `ssh HOST true` by xargs | {bare['wall']:.2f} | {bare['least']:.2f} | 1.00 |",
            f"| meshcheck | {own['wall']:.2f} | {own['least']:.2f} | {own['wall'] / bare['wall']:.2f} |"]
    return "\n" + "\n".join(lines) + "\n"
