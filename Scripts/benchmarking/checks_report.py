"""The measurements of meshcheck as Markdown."""

import datetime
import os
import platform
import shutil
import subprocess

from benchmarking.payloads import MIB

HEADING = "\n# meshcheck\n"

METHOD = """\
Each scenario has checks of one kind. They run against the benchmark's own servers on loopback: dnsmasq, an HTTP server on
Python's asyncio with keep-alive, and one listening socket per port check. The programs of a case take turns, in reverse
order every other turn. The first turn fills the caches and measures memory; median and minimum wall times come from the later
turns. Time is from exec to exit, so it includes starting up and reading the scenario. CPU time is what wait4(2) reports,
including the programs that checks ran. Memory is the greatest `VmHWM`, including the program's text, which all processes share
in the page cache. A run in which a check does not pass is a failure."""


def mark(value, bound, text):
    return text if bound is None or value <= bound else f"**{text}**"


def checks_report(options, cases, fleet):
    version = subprocess.run([options.meshcheck, "version"], capture_output=True, text=True).stdout.split("\n")[0]
    lines = [HEADING.strip("\n"), "", "## Method of the checks", "", METHOD, "",
             f"- {os.cpu_count()} processors, Linux {platform.release().partition('-')[0]}, "
             f"{datetime.date.today().isoformat()}, load {os.getloadavg()[1]:.1f} in the last 5 minutes",
             f"- {version}" + ("" if shutil.which("goss") else "; without goss, which is not on PATH"), "",
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
    lines += ["", "Bold: missed the goal; the goal for memory is 30 MiB."]
    if fleet:
        own, bare = fleet["rows"]["meshcheck"], fleet["rows"]["ssh true"]
        lines += [
            "", f"## {fleet['count']} ssh targets, {fleet['forks']} at once", "",
            "Each target is an sshd on its own loopback address, in a network namespace; each runs one check. Unlike a real "
            "fleet, all targets share this machine's processors, so the ratio includes what the programs cost there. "
            "Program and scenarios had been sent before; sending them to the first target and running there took "
            f"{fleet['first']:.2f} s.", "",
            "| | median s | minimum s | ÷ ssh true |", "|---|---:|---:|---:|",
            f"| `ssh HOST true` by xargs | {bare['wall']:.2f} | {bare['least']:.2f} | 1.00 |",
            f"| meshcheck | {own['wall']:.2f} | {own['least']:.2f} | {own['wall'] / bare['wall']:.2f} |"]
    return "\n" + "\n".join(lines) + "\n"
