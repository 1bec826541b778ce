"""The tools that are measured, and how each is told to pack a payload."""

import os
import re
import shutil
import subprocess

from benchmarking.payloads import ROOT, write


# Each function gives the command that packs a payload with a codec, or a reason why it cannot; None is not applicable.


def find(name):
    return shutil.which(name, path=f"{ROOT / '.build/peers/bin'}:{os.environ.get('PATH', '')}")


def debbuild(options, payload, codec, output):
    return [options.debbuild, "build", payload["name"], "--workspace", str(payload["folder"].parent), "--output",
            str(output.parent), "--compression", codec, "--threads", str(options.threads), "--force", "--quiet", "--no-lint",
            "--source-date-epoch", "1500000000", "--cache", str(payload["folder"].parent / "cache")]


def dpkg_deb(options, payload, codec, output):
    kind, _, level = codec.partition(":")
    return ["dpkg-deb", "--root-owner-group", f"--threads-max={options.threads}", f"-Z{kind}",
            *([f"-z{level}"] if level else []), "--build", str(payload["tree"]), str(output)]


# What debbuild does beside packing, with the usual programs: checksums of every file into the package, checksums of the
# package for SHA256SUMS and .buildinfo, and the files safe on the disk.
WITH_SUMS = """\
set -e
tree=$1 package=$2
shift 2
(cd "$tree" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum -- > DEBIAN/md5sums)
"$@"
cd "${package%/*}"
{ md5sum "${package##*/}"; sha1sum "${package##*/}"; sha256sum "${package##*/}"; } > sums
sync "${package##*/}" sums
"""


def dpkg_deb_with_sums(options, payload, codec, output):
    tree = str(payload["tree"])
    return ["sh", "-c", WITH_SUMS, "sh", tree, str(output), *dpkg_deb(options, payload, codec, output)]


def nfpm(options, payload, codec, output):
    kind, _, level = codec.partition(":")
    config = payload["folder"] / f"nfpm-{kind}.yaml"
    mode = "      mode: 0755\n" if payload["name"] == "envoy" else ""
    info = f"    file_info:\n{mode}      owner: root\n      group: root\n"
    write(config, (
        f"name: bench-{payload['name']}\nversion: 1.0.0\narch: {payload['architecture']}\n"
        f"maintainer: {payload['maintainer']}\ndescription: payload of a measurement\ncontents:\n"
        f"  - src: {payload['tree']}/usr\n    dst: /usr\n    type: tree\n{info}"
        f"deb:\n  compression: {kind}\n").encode())
    return [find("nfpm"), "package", "--config", str(config), "--packager", "deb", "--target", str(output)]


def cargo_deb(options, payload, codec, output):
    kind = {"xz": "xz", "gzip": "gz"}.get(codec.partition(":")[0])
    if kind is None:
        return None
    if shutil.which("cargo") is None:
        return "cargo is not on PATH"
    folder = payload["folder"] / "cargo"
    mode = "755" if payload["name"] == "envoy" else "644"
    write(folder / "src/main.rs", b"fn main() {}\n")
    write(folder / "Cargo.toml", (
        f'[package]\nname = "bench-{payload["name"]}"\nversion = "1.0.0"\nedition = "2021"\nlicense = "MIT"\n'
        f'authors = ["{payload["maintainer"]}"]\ndescription = "payload of a measurement"\n'
        f'[package.metadata.deb]\ndepends = ""\n'
        f'assets = [["{payload["tree"]}/usr/**/*", "usr/", "{mode}"]]\n').encode())
    return [find("cargo-deb"), "--manifest-path", str(folder / "Cargo.toml"), "--no-build", "--no-strip",
            "--compress-type", kind, "--output", str(output)]


def fpm(options, payload, codec, output):
    kind = {"gzip": "gz", "zstd": "zst"}.get(codec.partition(":")[0], codec.partition(":")[0])
    return [find("fpm"), "--input-type", "dir", "--output-type", "deb", "--name", f"bench-{payload['name']}",
            "--version", "1.0", "--force", "--deb-compression", kind, "--package", str(output), "--chdir",
            str(payload["tree"]), "usr"]


def compressor(options, payload, codec, output, *more):
    kind, _, level = codec.partition(":")
    arguments = {
        "xz": ["xz", f"-{level}", f"-T{options.threads}", *more],
        "zstd": ["zstd", "--quiet", f"-{level}", f"-T{options.threads}"],
        "gzip": ["gzip", "-n", f"-{level}"],
        "none": ["cat"],
    }[kind]
    return arguments + (["-c"] if kind != "none" else []) + [str(payload["folder"] / "data.tar")]


def compressor_with_filter(options, payload, codec, output):
    """What xz alone does with the filter that debbuild puts before it for machine code."""
    kind, _, level = codec.partition(":")
    if kind != "xz" or payload["name"] != "envoy" or payload["architecture"] != "amd64":
        return None
    return ["xz", f"-T{options.threads}", "--x86", f"--lzma2=preset={level}", "-c", str(payload["folder"] / "data.tar")]


WITH_SUMS_NAME = "dpkg-deb and checksums"

# Name in the tables, function, and whether it writes a package (a compressor writes to standard output).
TOOLS = [
    ("debbuild", debbuild, True),
    ("dpkg-deb", dpkg_deb, True),
    (WITH_SUMS_NAME, dpkg_deb_with_sums, True),
    ("cargo-deb", cargo_deb, True),
    ("nfpm", nfpm, True),
    ("fpm", fpm, True),
    ("codec alone", compressor, False),
    ("codec alone, with filter", compressor_with_filter, False),
]
VERSIONS = {
    "debbuild": ["--version"], "dpkg-deb": ["--version"], "cargo-deb": ["--version"], "nfpm": ["--version"],
    "fpm": ["--version"], "xz": ["--version"], "zstd": ["--version"], "gzip": ["--version"], "tar": ["--version"],
}


def available(options):
    found = {"debbuild": options.debbuild}
    for name in VERSIONS:
        path = found.get(name) or find(name)
        if name == "fpm" and path:
            # Another program of that name compiles Fortran.
            text = subprocess.run([path, "--help"], capture_output=True, text=True).stdout
            path = path if "--input-type" in text else None
        if path:
            found[name] = path
    return found


def version_of(path, arguments):
    result = subprocess.run([path, *arguments], capture_output=True, text=True)
    for pattern in [r"GitVersion:\s*(\S+)", r"v?(\d+\.\d+[\w.+~-]*)"]:
        match = re.search(pattern, result.stdout + result.stderr)
        if match:
            return match.group(1).rstrip(".")
    return "unknown"
