"""The measurements as Markdown."""

import datetime
import os
import platform
import re
from pathlib import Path

from benchmarking.payloads import MIB, TITLES
from benchmarking.tools import VERSIONS, WITH_SUMS_NAME, version_of


def table(case):
    rows = case["rows"]
    own = rows.get("debbuild")
    lines = ["| | wall s | CPU s | peak MiB | bytes | wall ÷ debbuild | size ÷ debbuild |",
             "|---|---:|---:|---:|---:|---:|---:|"]
    for name, row in rows.items():
        ratio = lambda key: f"{row[key] / own[key]:.2f}" if own else ""
        lines.append(
            f"| {name} | {row['wall']:.3f} | {row['cpu']:.3f} | {row['rss'] / MIB:.1f} | {row['size']:,} | "
            f"{ratio('wall')} | {ratio('size')} |")
    lines += [""] + [f"{note}." for note in case["notes"]]
    return lines


def goals(cases):
    """What the measurements say to the goals of the project."""
    lines = ["| payload, codec | wall ÷ codec alone (≤ 1.05) | wall ÷ dpkg-deb (≤ 1) | wall ÷ dpkg-deb and checksums "
             "| size ÷ dpkg-deb (≤ 1) | peak − codec alone, MiB (≤ 24) |", "|---|---:|---:|---:|---:|---:|"]
    for case in cases:
        rows = case["rows"]
        own, peer = rows.get("debbuild"), rows.get("dpkg-deb")
        limit = rows.get("codec alone, with filter") or rows.get("codec alone")
        if not own or not peer or not limit:
            continue
        mark = lambda value, bound, form: form.format(value) if value <= bound else f"**{form.format(value)}**"
        # Nothing compresses nothing faster than cat(1), which says nothing.
        alone = "" if case["codec"] == "none" else mark(own["wall"] / limit["wall"], 1.05, "{:.2f}")
        same_work = rows.get(WITH_SUMS_NAME)
        beside = f"{own['wall'] / same_work['wall']:.2f}" if same_work else ""
        lines.append(
            f"| {case['payload']}, {case['codec']} | {alone} | "
            f"{mark(own['wall'] / peer['wall'], 1, '{:.2f}')} | {beside} | {mark(own['size'] / peer['size'], 1, '{:.4f}')} | "
            f"{mark((own['rss'] - limit['rss']) / MIB, 24, '{:.1f}')} |")
    return lines + [
        "", "Bold: missed the goal. 'Codec alone' uses the branch filter if debbuild does, and is cat(1) if there is no codec."]


def machine_lines(options, tools):
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", info)
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1)) * 1024
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)', Path("/etc/os-release").read_text(), re.M))
    lines = [f"- {model.group(1) if model else platform.machine()}, {os.cpu_count()} processors, "
             f"{memory / (1 << 30):.0f} GiB memory",
             f"- {release.get('PRETTY_NAME')}, Linux {platform.release().partition('-')[0]}",
             f"- {datetime.date.today().isoformat()}", f"- threads, for every tool that has the option: {options.threads}"]
    versions = [f"{name} {version_of(path, VERSIONS[name])}" for name, path in tools.items()]
    return lines + ["- " + ", ".join(versions)]


METHOD = """\
Every tool packs the same tree; the compressors alone compress the tree's tar. The tools take turns, in reverse order every
other turn. The first turn fills the caches and measures memory; wall and CPU times are medians of the later turns (of one
turn, if a turn takes more than a minute). All earlier output is flushed to disk before each run.

CPU time is what wait4(2) reports, including the descendants that a tool waited for. Peak memory is the greatest sum
of `VmRSS` over the process and all its descendants, sampled every 0.5 ms at first and every 50 ms in long runs, and
at least the greatest `VmHWM` of any of them; memory that processes share counts for each of them. A package that
lacks a file of the tree is a failure. nfpm and cargo-deb choose level and threads themselves. debbuild computes
SHA-256 and MD5 of every file and MD5, SHA-1 and SHA-256 of the package, writes `md5sums`, `SHA256SUMS` and
`.buildinfo`, and syncs files and folder. dpkg-deb gets a finished `md5sums` and syncs only the package. 'dpkg-deb and
checksums' does debbuild's work with the usual programs, one after the other in a shell: `md5sum` of every file into
`md5sums`, `dpkg-deb --build`, `md5sum`, `sha1sum` and `sha256sum` of the package, `sync` of both files (but no
SHA-256 of every file, which debbuild keeps to see what has changed)."""


def report(options, tools, payloads, cases, unchanged):
    lines = ["# Performance", "", "Written by `Scripts/benchmark`" + (" --quick" if options.quick else "") + ".", "",
             "## Method", "", METHOD, "", "## Machine", "", *machine_lines(options, tools), "", "## Goals", "",
             *goals(cases)]
    for payload in payloads:
        lines += ["", f"## {TITLES[payload['name']]}", "",
                  f"{payload['files']:,} files, {payload['bytes']:,} bytes."]
        for case in cases:
            if case["payload"] == payload["name"]:
                turns = f"{case['rounds']} timed turns" if case["rounds"] > 1 else "one timed turn"
                lines += ["", f"### {case['codec']} ({turns})", "", *table(case)]
        lines += ["", f"Nothing changed: {unchanged[payload['name']]:.3f} s."]
    text = "\n".join(lines) + "\n"
    return re.sub(r"\n{3,}", "\n\n", text)
