"""meshcheck on many ssh targets beside ssh itself: a real sshd with an address of loopback for each target.

Runs itself again in a network namespace of its own, where sshd can listen on every address without anybody else seeing it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def measure_fleet(meshcheck, count, forks, rounds):
    """The figures, measured in a namespace; None where one cannot be made."""
    probe = subprocess.run(["unshare", "--net", "true"], capture_output=True)
    if probe.returncode != 0 or not os.access("/usr/sbin/sshd", os.X_OK):
        return None
    done = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-B", __file__,
         meshcheck, str(count), str(forks), str(rounds)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def start_sshd(folder):
    """A server with keys of its own; gives the client's configuration."""
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    (folder / "authorized").write_text((folder / "client.pub").read_text())
    (folder / "authorized").chmod(0o600)
    (folder / "sshd_config").write_text(
        f"Port 2222\nListenAddress 0.0.0.0\nHostKey {folder}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/authorized\nPermitRootLogin yes\nMaxStartups 1000\n"
        f"SetEnv XDG_CACHE_HOME={folder}/cache\n")
    host = (folder / "host.pub").read_text()
    (folder / "known_hosts").write_text(f"* {host}")
    (folder / "ssh_config").write_text(
        f"Host *\n  Port 2222\n  UserKnownHostsFile {folder}/known_hosts\n  GlobalKnownHostsFile /dev/null\n"
        f"  IdentityFile {folder}/client\n  IdentitiesOnly yes\n  StrictHostKeyChecking yes\n  BatchMode yes\n")
    os.makedirs("/run/sshd", exist_ok=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", folder / "sshd_config"])
    command = ["ssh", "-F", str(folder / "ssh_config"), "127.0.0.1", "true"]
    for _ in range(200):
        if subprocess.run(command, capture_output=True).returncode == 0:
            return server
        time.sleep(0.05)
    server.kill()
    raise SystemExit("benchmark: sshd does not start")


def timed(command, log):
    with open(log, "wb") as target:
        began = time.perf_counter()
        status = subprocess.run(command, stdout=target, stderr=subprocess.STDOUT).returncode
        wall = time.perf_counter() - began
    if status != 0:
        raise SystemExit(f"benchmark: {command[0]} ended with {status}: {Path(log).read_text()[-800:]}")
    return wall


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("meshcheck")
    for name in ("count", "forks", "rounds"):
        parser.add_argument(name, type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = start_sshd(folder)
        try:
            hosts = [f"127.0.{1 + n // 200}.{1 + n % 200}" for n in range(options.count)]
            (folder / "hosts.ini").write_text("[all]\n" + "\n".join(hosts) + "\n")
            (folder / "hosts").write_text("\n".join(hosts) + "\n")
            (folder / "one.yaml").write_text(
                "name: one\nchecks:\n- {id: one.passwd, title: The users are known, file: /etc/passwd, "
                "expect: {exists: true}}\n")
            config = str(folder / "ssh_config")
            commands = {
                "ssh true": ["xargs", "-a", str(folder / "hosts"), "-P", str(options.forks), "-I", "{}",
                             "ssh", "-F", config, "{}", "true"],
                "meshcheck": [options.meshcheck, "run", str(folder / "one.yaml"), "--quiet", "--ssh-config", config,
                              "--inventory", str(folder / "hosts.ini"), "--forks", str(options.forks),
                              "--host-timeout", "10m"],
            }
            # The program and the scenarios are sent to one machine first: what is measured is a fleet that has them.
            first = timed(commands["meshcheck"][:4] + ["--ssh-config", config, "--target", f"ssh://{hosts[0]}"],
                          folder / "log")
            walls = {program: [] for program in commands}
            for turn in range(options.rounds):
                for program in list(commands) if turn % 2 else reversed(list(commands)):
                    walls[program].append(timed(commands[program], folder / "log"))
            print(json.dumps({
                "count": options.count, "forks": options.forks, "first": first,
                "rows": {program: {"wall": statistics.median(list_), "least": min(list_)}
                         for program, list_ in walls.items()}}))
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    main()
