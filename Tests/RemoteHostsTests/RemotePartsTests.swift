import Foundation
import Platform
import Processes
import TestSupport
import XCTest

@testable import RemoteHosts

/// Pieces that other programs read: quoted words by shells, archives by tar.
final class RemotePartsTests: XCTestCase {
    func testEveryShellTakesAWordAsItIs() throws {
        let words = [
            "", "a b", "it's", "\"", "$HOME", "`id`", "$(id)", "!", "!!x", "\\", "\\'", "*", "~", "#", ";", "&", "|",
            "<",
            "é日本", "\t", "-n", "--", "%s", "a'!'b",
        ]
        for shell in ["sh", "bash", "dash", "csh", "tcsh", "zsh", "fish", "busybox"] {
            guard let path = programPath(shell) else { continue }
            for word in words {
                // fish alone takes \\' between quotes for an escape.
                if shell == "fish", word.contains("\\") { continue }
                let quoted = try XCTUnwrap(ShellWord.quoted(word))
                let arguments = (shell == "busybox" ? ["sh"] : []) + ["-c", "/usr/bin/printf '[%s]' \(quoted)"]
                let result = try TestSupport.run(path, arguments)
                XCTAssertEqual(result.output, "[\(word)]", "\(shell): \(quoted): \(result.errors)")
            }
        }
        for word in ["a\nb", "\r", "\0"] { XCTAssertNil(ShellWord.quoted(word)) }
    }

    func testTheScriptIsPOSIXShell() throws {
        try requireProgram("shellcheck")
        let path = repositoryRoot + "/Sources/Remote/RemoteHosts/remoteCheck.sh"
        let result = try TestSupport.run("shellcheck", ["--shell=sh", path])
        XCTAssertEqual(result.status, 0, result.output)
        XCTAssertEqual(Data(PackageResources.remoteCheck_sh), try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    func testEveryShellRunsAScriptOfSeveralLines() throws {
        let script = "# it's a 'script'!\nsay() {\n    echo \"$# $1 $0\"\n}\nsay \"$@\"\nexit 3\n"
        let command = try RemoteScript.command(Array(script.utf8), name: "name", arguments: ["a b", "!", "\\n"])
        for shell in ["sh", "bash", "dash", "csh", "tcsh", "zsh", "busybox"] {
            guard let path = programPath(shell) else { continue }
            let result = try TestSupport.run(path, (shell == "busybox" ? ["sh"] : []) + ["-c", command])
            XCTAssertEqual(result.output, "3 a b name\n", "\(shell): \(result.errors)")
            XCTAssertEqual(result.status, 3)
        }
    }

    func testTalksWithAProgram() async throws {
        var options = SpawnOptions(executable: "/bin/sh", arguments: ["-c", "cat; echo done >&2; exit 3"])
        options.standardInput = .pipe
        options.standardOutput = .pipe
        options.standardError = .pipe
        let child = try await ChildProcess.spawn(options)
        let sent = [UInt8](repeating: 7, count: 3_000_000)
        async let received = {
            var bytes: [UInt8] = []
            while case let piece = try await child.nextOutput(), !piece.isEmpty { bytes += piece }
            return bytes
        }()
        let isTaken = try await child.writeInput(sent)
        child.closeInput()
        let (all, status) = (try await received, try await child.wait())
        XCTAssertTrue(isTaken)
        XCTAssertEqual(all, sent)
        XCTAssertEqual(status, .exited(3))
        let said = try await child.nextErrorOutput()
        XCTAssertEqual(said, Array("done\n".utf8))
        // Nobody reads any more.
        let isTakenLater = try await child.writeInput([1])
        XCTAssertFalse(isTakenLater)
    }

    func testTarReadsOurArchives() throws {
        var archive = TarArchive()
        let long = String(repeating: "d", count: 90) + "/" + String(repeating: "f", count: 90)
        let files: [(String, [UInt8])] = [
            ("Scenarios/10-dns.yaml", Array("name: 10-dns\n".utf8)), ("empty", []),
            (long, [UInt8](repeating: 7, count: 512)), ("é/日本.yaml", [UInt8](repeating: 9, count: 1025)),
        ]
        for (path, bytes) in files { try archive.add(path: path, bytes) }
        XCTAssertThrowsError(try archive.add(path: String(repeating: "x", count: 101), []))
        let folder = try TemporaryDirectory()
        let file = try folder.file("a.tar", bytes: archive.finished())
        let result = try TestSupport.run(
            "tar", ["-x", "-f", file, "-C", folder.path], environment: ["LC_ALL": "C.UTF-8"])
        XCTAssertEqual(result.status, 0, result.errors)
        for (path, bytes) in files {
            XCTAssertEqual([UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + path))), bytes)
        }
    }

    func testABundleHasTheScenariosAndTheirChecksumsAlone() throws {
        let folder = try TemporaryDirectory()
        try folder.file("Scenarios/10-a.yaml", "a")
        try folder.file("Scenarios/deep/20-b.yml", "b")
        try folder.file("Scenarios/notes.txt", "c")
        try folder.file("vars.yaml", "d")
        let paths = [folder.path + "/Scenarios", folder.path + "/Scenarios"]
        try folder.file("diagnoses.yaml", "e")
        let payload = try RemotePayload(
            program: "/bin/true", scenarios: paths, files: [folder.path + "/diagnoses.yaml"],
            privateFiles: [folder.path + "/vars.yaml"])
        XCTAssertEqual(payload.scenarioPaths, ["Scenarios", "2-Scenarios"])
        XCTAssertEqual(payload.filePaths, ["file-diagnoses.yaml"])
        XCTAssertEqual(payload.privatePaths, ["file-vars.yaml"])
        let other = try folder.file("b.tar", bytes: payload.privateArchive)
        XCTAssertEqual(try TestSupport.run("tar", ["-t", "-f", other]).output, "file-vars.yaml\n")
        let file = try folder.file("a.tar", bytes: payload.archive.bytes)
        let list = try TestSupport.run("tar", ["-t", "-f", file]).output.split(separator: "\n").map(String.init)
        XCTAssertEqual(
            list,
            [
                "Scenarios/10-a.yaml", "Scenarios/deep/20-b.yml", "2-Scenarios/10-a.yaml", "2-Scenarios/deep/20-b.yml",
                "file-diagnoses.yaml",
            ])
        let again = try RemotePayload(
            program: "/bin/true", scenarios: paths, files: [folder.path + "/diagnoses.yaml"])
        XCTAssertEqual(payload.archive.digest, again.archive.digest)
        let digest = try TestSupport.run("sha256sum", ["/bin/true"]).output.prefix(64)
        XCTAssertEqual(payload.program.digest, String(digest))
    }
}
