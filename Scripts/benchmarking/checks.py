"""meshcheck on a thousand checks of each kind, beside goss where it is installed and grep for logs."""

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarking.measuring import MemorySampler
from benchmarking.payloads import MIB, say
from benchmarking.servers import Servers

COUNT = 1000
LOG_BYTES = 244_000_000
LAST = "certificate of spiffe://cluster.local/ns/default/sa/vm was renewed in 812ms"
PATTERN = r"certificate of spiffe://.* was renewed in [0-9]+ms"
FILES = ["/etc/passwd", "/etc/group", "/etc/hosts", "/etc/fstab", "/etc/profile", "/bin/sh", "/usr", "/tmp"]

# Name, title, goal in seconds.
CASES = [
    ("one", "one check, from exec to exit", 0.015),
    ("file", "1,000 files: type, mode, owner", 0.07),
    ("port", "1,000 ports", 0.12),
    ("dns", "1,000 names of dnsmasq", 0.25),
    ("http", "1,000 HTTP requests with a match of the body", 0.3),
    ("command", "1,000 commands", 0.8),
    ("slow", "200 HTTP requests of 100 ms each", 0.6),
    ("log", "a pattern in the last line of 244 MB", None),
]


def quoted(value):
    """JSON is YAML as well."""
    return json.dumps(value)


def meshcheck_checks(name, servers, folder):
    """The checks of a case: subject and expectations."""
    address = f"127.0.0.1:{servers.dns}"
    http = f"http://127.0.0.1:{servers.http}"
    file_check = lambda n: (
        {"file": str(folder / f"files/{n}")}, {"exists": True, "type": "file", "mode": "0644", "owner": "root"})
    return {
        "one": lambda: [file_check(0)],
        "file": lambda: [file_check(n) for n in range(COUNT)],
        "port": lambda: [({"port": port}, {"listening": True}) for port in servers.ports],
        "dns": lambda: [
            ({"dns": {"name": f"name-{n}.bench.test", "type": "A", "server": address}},
             {"addresses": [f"10.61.{n // 250}.{n % 250 + 1}"]}) for n in range(COUNT)],
        "http": lambda: [
            ({"http": f"{http}/{n}"}, {"status": 200, "body": {"contains": "10.60.1.4"}}) for n in range(COUNT)],
        "command": lambda: [
            ({"command": ["/bin/echo", f"hello {n}"]}, {"exit-status": 0, "stdout": {"contains": f"hello {n}"}})
            for n in range(COUNT)],
        "slow": lambda: [({"http": f"{http}/slow/{n}"}, {"status": 200}) for n in range(200)],
        "log": lambda: [
            ({"log": {"path": str(folder / "agent.log"), "patterns": [{"name": "renewed", "pattern": PATTERN}]}},
             {"found.renewed": True})],
    }[name]()


def goss_file(name, servers, folder):
    """The same for goss."""
    http = f"http://127.0.0.1:{servers.http}"
    one = {"exists": True, "filetype": "file", "mode": "0644", "owner": "root"}
    return {
        "one": lambda: {"file": {str(folder / "files/0"): one}},
        "file": lambda: {"file": {str(folder / f"files/{n}"): one for n in range(COUNT)}},
        "port": lambda: {"port": {f"tcp:{port}": {"listening": True} for port in servers.ports}},
        "dns": lambda: {"dns": {
            f"name-{n}.bench.test": {"resolvable": True, "server": f"127.0.0.1:{servers.dns}", "timeout": 5000,
                                     "addrs": [f"10.61.{n // 250}.{n % 250 + 1}"]} for n in range(COUNT)}},
        "http": lambda: {"http": {
            f"{http}/{n}": {"status": 200, "timeout": 5000, "body": ["10.60.1.4"]} for n in range(COUNT)}},
        "command": lambda: {"command": {
            f"/bin/echo 'hello {n}'": {"exit-status": 0, "stdout": [f"hello {n}"]} for n in range(COUNT)}},
        "slow": lambda: {"http": {f"{http}/slow/{n}": {"status": 200, "timeout": 5000} for n in range(200)}},
        "log": lambda: {"file": {str(folder / "agent.log"): {"exists": True, "contents": [f"/{PATTERN}/"]}}},
    }[name]()


def make_log(path):
    """Lines such as the agents write, and one at the end that is looked for."""
    if path.exists() and path.stat().st_size >= LOG_BYTES:
        return
    line = "2026-11-23T05:%02d:%02d.%06dZ\tinfo\tsds\tresource:default pushed key/cert pair to proxy, attempt %d\n"
    with open(path, "w") as log:
        written = number = 0
        while written < LOG_BYTES:
            block = "".join(line % (n // 60 % 60, n % 60, n, n) for n in range(number, number + 20000))
            log.write(block)
            written += len(block)
            number += 20000
        log.write("2026-11-23T06:00:00.000000Z\tinfo\tsds\t" + LAST + "\n")


def timed(command, log, memory=False):
    """Wall seconds from exec to exit, CPU seconds, and peak resident bytes when they are asked for."""
    environment = dict(os.environ, LC_ALL="C.UTF-8", NO_COLOR="1")
    environment.pop("MESHCHECK_TARGET", None)
    with open(log, "wb") as target:
        began = time.perf_counter()
        process = os.posix_spawnp(
            command[0], command, environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, target.fileno(), 1), (os.POSIX_SPAWN_DUP2, target.fileno(), 2)])
        sampler = MemorySampler(process) if memory else None
        if sampler:
            sampler.start()
        _, status, usage = os.wait4(process, 0)
        wall = time.perf_counter() - began
        if sampler:
            sampler.ended.set()
            sampler.join()
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(
            f"{command[0]} ended with {os.waitstatus_to_exitcode(status)}: "
            + Path(log).read_text(errors="replace")[-800:])
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "rss": sampler.peak * 1024 if sampler else None}


def commands_of(options, name, servers, folder):
    checks = [
        {"id": f"{name}.{n}", "title": f"Check {n} of {name}", **subject, "timeout": "60s", "expect": expected}
        for n, (subject, expected) in enumerate(meshcheck_checks(name, servers, folder))]
    scenario = folder / f"{name}.yaml"
    scenario.write_text(f"name: {name}\nchecks:\n" + "".join(f"- {quoted(check)}\n" for check in checks))
    commands = {"meshcheck": [options.meshcheck, "run", str(scenario), "--quiet"]}
    if goss := shutil.which("goss"):
        path = folder / f"{name}.goss.json"
        path.write_text(json.dumps(goss_file(name, servers, folder)))
        limit = [] if name != "slow" else ["--max-concurrent", "200"]
        commands["goss"] = [goss, "--gossfile", str(path), "validate", "--format", "silent"] + limit
    if name == "log":
        commands["grep -E"] = ["grep", "-E", "-c", PATTERN, str(folder / "agent.log")]
    return commands


def measure_checks(options):
    """All cases; within one the programs take turns."""
    options.work.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=options.work, prefix="checks-"))
    servers = None
    cases = []
    try:
        (folder / "files").mkdir()
        for n in range(COUNT):
            (folder / f"files/{n}").write_text(f"file {n}\n")
            (folder / f"files/{n}").chmod(0o644)
        log = options.work / "agent.log"
        make_log(log)
        (folder / "agent.log").symlink_to(log)
        servers = Servers(folder, COUNT)
        for name, title, goal in CASES:
            if options.case and name not in options.case:
                continue
            commands = commands_of(options, name, servers, folder)
            rounds = options.rounds or (25 if name == "one" else 9)
            rows = {}
            for turn in range(rounds + 1):
                order = list(commands) if turn % 2 else list(reversed(commands))
                for program in order:
                    # Turn 0 fills the caches and measures memory.
                    sample = timed(commands[program], folder / "output", memory=turn == 0)
                    rows.setdefault(program, []).append(sample)
            case = {"name": name, "title": title, "goal": goal, "rounds": rounds, "rows": {}}
            for program, samples in rows.items():
                walls = [sample["wall"] for sample in samples[1:]]
                case["rows"][program] = {
                    "wall": statistics.median(walls), "least": min(walls),
                    "cpu": statistics.median(sample["cpu"] for sample in samples[1:]), "rss": samples[0]["rss"]}
                row = case["rows"][program]
                say(f"{title}, {program}: {row['wall']:.3f} s (least {row['least']:.3f}, CPU {row['cpu']:.3f}), "
                    f"{row['rss'] / MIB:.1f} MiB")
            cases.append(case)
    finally:
        if servers:
            servers.stop()
        shutil.rmtree(folder)
    return cases
