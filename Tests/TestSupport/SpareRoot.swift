import Foundation
import XCTest

/// This machine's files in a mount namespace of their own, where everything can be changed and nothing stays: an
/// overlayfs with a real dpkg in it, without systemd.
public final class SpareRoot {
    private let folder: TemporaryDirectory
    private let keeper: BackgroundProgram
    /// The folder that is the root.
    public let path: String

    /// Mounts it; skips the test where that is not possible.
    public init() throws {
        try requireRoot()
        for program in ["unshare", "nsenter", "chroot", "dpkg"] { try requireProgram(program) }
        folder = try TemporaryDirectory()
        path = folder.path + "/root"
        let script = """
            set -e
            mount --make-rprivate /
            mount -t tmpfs tmpfs "$0"
            mkdir "$0/upper" "$0/work" "$0/root"
            mount -t overlay overlay -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work" "$0/root"
            mount -t proc proc "$0/root/proc"
            mount --bind /dev "$0/root/dev"
            echo ready
            exec sleep infinity
            """
        let unshare = try XCTUnwrap(programPath("unshare"))
        keeper = try BackgroundProgram(unshare, ["--mount", "sh", "-c", script, folder.path])
        let keeper = keeper
        guard waitUntil({ keeper.output.contains("ready") || !keeper.isRunning }), keeper.isRunning else {
            throw XCTSkip("there is no overlayfs here: \(keeper.errors)")
        }
    }

    /// Runs a shell command there.
    public func shell(_ command: String) throws -> RunResult {
        try run(
            "nsenter", ["--mount", "--target", "\(keeper.identifier)", "chroot", path, "/bin/sh", "-c", command],
            environment: ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"])
    }

    /// Puts a file there.
    public func copy(_ file: String, to target: String) throws {
        try run(
            "nsenter",
            [
                "--mount", "--target", "\(keeper.identifier)", "sh", "-c",
                "mkdir -p \"$(dirname \"$2\")\" && cp -R \"$1\" \"$2\"", "sh", file, path + target,
            ]
        ).check()
    }
}
