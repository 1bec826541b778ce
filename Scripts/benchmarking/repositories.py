"""Adding one package to a repository of 10,000, beside aptly, reprepro and apt-ftparchive."""

import datetime
import gzip
import hashlib
import io
import os
import platform
import shutil
import statistics
import subprocess
import tarfile
import tempfile
from pathlib import Path

from benchmarking.checks import timed
from benchmarking.payloads import MIB, say

REPOSITORIES = "\n# Repositories, beside aptly, reprepro and apt-ftparchive\n"

METHOD = """\
A repository has {count:,} packages of four files each. Each program adds one more and publishes: indexes with gzip and xz, lists of
files, SHA-256, and a signature by the same gpg key. The programs take turns, each time with another package; the first turn fills the
caches and measures memory. apt-ftparchive keeps the checksums of the packages in its database, and compresses and signs in a shell
script. debbuild and apt-ftparchive write both compressions, aptly gzip and bzip2, reprepro gzip and xz."""


def deb(path, number):
    """A small package, written without dpkg-deb, which would take minutes for all of them."""
    name = f"package-{number:05}"
    control = (f"Package: {name}\nVersion: 1.{number}\nArchitecture: amd64\nMaintainer: A Team <team@example.org>\n"
               f"Installed-Size: 8\nDepends: libc6 (>= 2.36), package-{number // 2:05}\nSection: net\nPriority: optional\n"
               f"Homepage: https://example.org/{name}\nDescription: package number {number}\n"
               " It has four files, and a description of a usual length, which\n says what the package is for.\n")
    def archive(files):
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for member, text in files:
                info = tarfile.TarInfo(member)
                info.size = len(text)
                tar.addfile(info, io.BytesIO(text))
        return gzip.compress(raw.getvalue(), 1, mtime=0)
    seed = hashlib.sha256(name.encode()).hexdigest().encode()
    members = [("debian-binary", b"2.0\n"), ("control.tar.gz", archive([("./control", control.encode())])),
               ("data.tar.gz", archive([(f"./usr/share/{name}/file-{file}", seed) for file in range(4)]))]
    with open(path / f"{name}_1.{number}_amd64.deb", "wb") as file:
        file.write(b"!<arch>\n")
        for member, content in members:
            file.write(f"{member:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode() + content)
            file.write(b"\n" * (len(content) % 2))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


class Debbuild:
    def __init__(self, options, folder, key):
        self.program, self.root = options.debbuild, folder / "debbuild"
        write(self.root / "repository.yaml",
              f"origin: Test\nsuites: [stable]\narchitectures: [amd64]\nkeys: [{key}]\n")

    def add(self, files):
        return [self.program, "repo", "add", str(self.root), *map(str, files)]


class Aptly:
    def __init__(self, options, folder, key):
        self.root, self.key = folder / "aptly", key
        self.config = self.root / "aptly.conf"
        write(self.config, f'{{"rootDir": "{self.root}", "architectures": ["amd64"], "gpgProvider": "gpg"}}')
        subprocess.run([*self.aptly, "repo", "create", "-distribution=stable", "test"], check=True, capture_output=True)
        self.is_published = False

    @property
    def aptly(self):
        return ["aptly", f"-config={self.config}"]

    def add(self, files):
        publish = (f"publish update -batch -gpg-key={self.key} stable" if self.is_published
                   else f"publish repo -batch -gpg-key={self.key} test")
        self.is_published = True
        return ["sh", "-ec", 'aptly -config="$1" repo add test "$2" >/dev/null; aptly -config="$1" ' + publish,
                "sh", str(self.config), str(files[0]) if len(files) == 1 else str(files[0].parent)]


class Reprepro:
    def __init__(self, options, folder, key):
        self.root = folder / "reprepro"
        write(self.root / "conf/distributions",
              "Origin: Test\nSuite: stable\nCodename: stable\nArchitectures: amd64\nComponents: main\n"
              f"Contents: .gz\nDebIndices: Packages Release . .gz .xz\nSignWith: {key}\n")

    def add(self, files):
        return ["reprepro", "--silent", "-b", str(self.root), "includedeb", "stable", *map(str, files)]


class AptFtparchive:
    SCRIPT = """
        root=$1 key=$2; shift 2
        mkdir -p "$root/pool" "$root/dists/stable/main/binary-amd64"
        cp "$@" "$root/pool/"
        cd "$root"
        index=dists/stable/main/binary-amd64/Packages
        apt-ftparchive --db "$root/db" packages pool >"$index"
        gzip -kf6 "$index" & xz -kf2 -T0 "$index" & wait
        apt-ftparchive --db "$root/db" contents pool | gzip -6 >dists/stable/main/Contents-amd64.gz
        apt-ftparchive -o APT::FTPArchive::Release::Suite=stable release dists/stable >Release
        mv Release dists/stable/Release
        gpg --batch --yes --quiet --local-user "$key" --clearsign --output dists/stable/InRelease dists/stable/Release
        gpg --batch --yes --quiet --local-user "$key" --armor --detach-sign --output dists/stable/Release.gpg dists/stable/Release
        """

    def __init__(self, options, folder, key):
        self.root, self.key = folder / "apt-ftparchive", key

    def add(self, files):
        # The first time there are more files than arguments may be.
        files = files if len(files) == 1 else [files[0].parent]
        script = self.SCRIPT.replace('cp "$@"', 'cp -r "$@"') if len(files) > 1 else self.SCRIPT.replace("cp", "cp -r", 1)
        return ["sh", "-ec", script, "sh", str(self.root), self.key, *map(str, files)]


PROGRAMS = {"debbuild": Debbuild, "aptly": Aptly, "reprepro": Reprepro, "apt-ftparchive": AptFtparchive}


def measure_repositories(options):
    """All programs in turns, each with a repository of its own."""
    folder = Path(tempfile.mkdtemp(prefix="benchmark-repositories-"))
    os.environ["GNUPGHOME"] = str(folder / "gpg")
    (folder / "gpg").mkdir(mode=0o700)
    try:
        subprocess.run(["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "Test <test@example.org>",
                        "ed25519", "sign", "never"], check=True, capture_output=True)
        listing = subprocess.run(["gpg", "--with-colons", "--list-keys"], check=True, capture_output=True, text=True).stdout
        key = next(line for line in listing.split("\n") if line.startswith("fpr")).split(":")[9]
        rounds, count = options.rounds or 5, options.packages
        (folder / "first").mkdir()
        (folder / "later").mkdir()
        for number in range(count):
            deb(folder / "first", number)
        for number in range(count, count + rounds + 1):
            deb(folder / "later", number)
        first, later = sorted((folder / "first").iterdir()), sorted((folder / "later").iterdir())
        programs, rows = {}, {}
        for name, make in PROGRAMS.items():
            if name != "debbuild" and not shutil.which(name):
                say(f"{name} is not here and is left out")
                continue
            programs[name] = make(options, folder, key)
            say(f"{name} makes a repository of {count:,} packages")
            row = rows[name] = {"samples": [], "first": timed(programs[name].add(first), folder / "output", memory=False)}
            say(f"{name}: {row['first']['wall']:.1f} s for all of them at once")
        for turn in range(rounds + 1):
            for name in list(programs) if turn % 2 else list(reversed(programs)):
                rows[name]["samples"].append(
                    timed(programs[name].add([later[turn]]), folder / "output", memory=turn == 0))
        for name, row in rows.items():
            walls = [sample["wall"] for sample in row["samples"][1:]]
            row.update(wall=statistics.median(walls), least=min(walls), rss=row["samples"][0]["rss"],
                       cpu=statistics.median(sample["cpu"] for sample in row["samples"][1:]))
            say(f"{name}: {row['wall']:.3f} s (least {row['least']:.3f}, CPU {row['cpu']:.3f}), {row['rss'] / MIB:.1f} MiB")
        return rows
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def repositories_report(options, rows):
    lines = [REPOSITORIES.strip("\n"), "", METHOD.format(count=options.packages), "",
             f"- {os.cpu_count()} processors, Linux {platform.release().partition('-')[0]}, "
             f"{datetime.date.today().isoformat()}, load {os.getloadavg()[1]:.1f} in the last 5 minutes", "",
             "| | median s | minimum s | CPU s | peak MiB | all at once, s |", "|---|---:|---:|---:|---:|---:|"]
    for name, row in rows.items():
        lines.append(f"| {name} | {row['wall']:.3f} | {row['least']:.3f} | {row['cpu']:.3f} | {row['rss'] / MIB:.1f} | "
                     f"{row['first']['wall']:.1f} |")
    return "\n" + "\n".join(lines) + "\n"
