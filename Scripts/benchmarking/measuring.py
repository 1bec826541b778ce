"""Runs of one program, and turns of all tools on one case."""

import os
import re
import statistics
import subprocess
import threading
import time
from pathlib import Path

from benchmarking.payloads import say
from benchmarking.tools import debbuild


class MemorySampler(threading.Thread):
    """Adds up the resident memory of a process and all its descendants, again and again, and keeps the greatest sum.

    getrusage(2) has only the greatest single process of a tree, and counts the parent's memory at fork as the child's.
    """

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.peak, self.ended = process, 0, threading.Event()

    def descendants(self):
        waiting, seen = [self.process], []
        while waiting:
            current = waiting.pop()
            seen.append(current)
            try:
                for task in os.listdir(f"/proc/{current}/task"):
                    waiting += map(int, Path(f"/proc/{current}/task/{task}/children").read_text().split())
            except (OSError, ValueError):
                pass
        return seen

    def sample(self):
        total = single = 0
        for process in self.descendants():
            try:
                status = Path(f"/proc/{process}/status").read_text()
            except OSError:
                continue
            fields = dict(re.findall(r"^(VmHWM|VmRSS):\s+(\d+) kB", status, re.M))
            total += int(fields.get("VmRSS", 0))
            single = max(single, int(fields.get("VmHWM", 0)))
        self.peak = max(self.peak, total, single)

    def run(self):
        began = time.perf_counter()
        while not self.ended.is_set():
            self.sample()
            elapsed = time.perf_counter() - began
            # Short runs closely, long ones without taking a processor from them.
            self.ended.wait(0.0005 if elapsed < 0.5 else 0.005 if elapsed < 5 else 0.05)


def measure(command, output, writes_package, samples_memory):
    """Runs a command; wall and CPU seconds with all descendants, peak resident bytes, and bytes written."""
    output.unlink(missing_ok=True)
    log = output.parent / "log"
    environment = dict(os.environ, LC_ALL="C.UTF-8", SOURCE_DATE_EPOCH="1500000000")
    with open(log, "wb") as errors, open(os.devnull if writes_package else output, "wb") as target:
        # What earlier runs wrote must not be flushed on this one's time.
        os.sync()
        began = time.perf_counter()
        process = os.posix_spawnp(
            command[0], command, environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, target.fileno(), 1), (os.POSIX_SPAWN_DUP2, errors.fileno(), 2)])
        sampler = MemorySampler(process) if samples_memory else None
        if sampler:
            sampler.start()
        _, status, usage = os.wait4(process, 0)
        wall = time.perf_counter() - began
        if sampler:
            sampler.ended.set()
            sampler.join()
    if os.waitstatus_to_exitcode(status) != 0:
        tail = log.read_text(errors="replace")[-600:]
        raise RuntimeError(f"{command[0]} ended with {os.waitstatus_to_exitcode(status)}: {tail}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "rss": sampler.peak * 1024 if sampler else None,
            "size": output.stat().st_size}


def written_package(output, payload):
    """debbuild names its files itself: gives the one that a run wrote the name that the others write to."""
    for path in output.parent.glob(f"bench-{payload['name']}_*.deb"):
        path.replace(output)


def check_package(output, payload):
    listing = subprocess.run(["dpkg-deb", "--contents", str(output)], capture_output=True, text=True)
    files = [line for line in listing.stdout.splitlines()
             if line.startswith("-") and "usr/share/doc/" not in line]
    if len(files) != payload["files"]:
        raise RuntimeError(f"{len(files)} files in the package, {payload['files']} in the payload")


def measure_case(options, tools, payload, codec):
    """All tools on one payload with one codec, in turns, so that a change of the machine's speed hits all alike."""
    folder = options.work / "out"
    folder.mkdir(parents=True, exist_ok=True)
    rows, notes = {}, []
    commands = {}
    for name, make, writes_package in tools:
        command = make(options, payload, codec, folder / "result")
        if isinstance(command, str):
            notes.append(f"{name}: left out, {command}")
        elif command:
            commands[name] = (command, writes_package)
    rounds = options.rounds or {"tiny": 15, "mixed": 1}.get(payload["name"], 3)
    for turn in range(rounds + 1):
        # Turn 0 fills the caches and measures memory, whose sampling costs time; it is the only turn for long cases.
        order = list(commands)
        if turn % 2:
            order.reverse()
        for name in order:
            if turn > 0 and rounds == 1 and rows[name]["samples"][0]["wall"] > 60:
                continue
            command, writes_package = commands[name]
            output = folder / "result"
            try:
                if writes_package and name == "debbuild":
                    for path in folder.glob("*.deb"):
                        path.unlink()
                    sample = measure_debbuild(command, folder, payload, turn == 0)
                else:
                    sample = measure(command, output, writes_package, turn == 0)
                if writes_package and turn == 0:
                    check_package(output, payload)
            except RuntimeError as error:
                notes.append(f"{name}: failed, {str(error).splitlines()[0] if str(error) else error}")
                del commands[name]
                rows.pop(name, None)
                continue
            rows.setdefault(name, {"samples": []})["samples"].append(sample)
            say(f"{payload['name']} {codec} {name}: {sample['wall']:.3f} s")
    for row in rows.values():
        timed = row["samples"][1:] or row["samples"]
        row["wall"] = statistics.median(sample["wall"] for sample in timed)
        row["cpu"] = statistics.median(sample["cpu"] for sample in timed)
        row["rss"] = row["samples"][0]["rss"]
        row["size"] = row["samples"][-1]["size"]
    return {"payload": payload["name"], "codec": codec, "rounds": rounds, "rows": rows, "notes": notes}


def measure_debbuild(command, folder, payload, samples_memory):
    placeholder = folder / "standard-output"
    sample = measure(command, placeholder, False, samples_memory)
    written_package(folder / "result", payload)
    sample["size"] = (folder / "result").stat().st_size
    return sample


def measure_unchanged(options, payload):
    """How long debbuild takes to see that nothing has changed."""
    folder = options.work / "unchanged"
    folder.mkdir(parents=True, exist_ok=True)
    command = debbuild(options, payload, "zstd:1", folder / "result")
    command.remove("--force")
    samples = [measure(command, folder / "standard-output", False, False)["wall"] for _ in range(10)]
    return statistics.median(samples[1:])
