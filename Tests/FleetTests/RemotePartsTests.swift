import Foundation
import Platform
import TestSupport
import XCTest

@testable import Fleet

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
        let folder = try TemporaryDirectory()
        let file = try folder.file("script.sh", "#!/bin/sh\n" + RemoteScript.text + "\n")
        // Variables that are set by `read`-like functions are seen by shellcheck as well.
        let result = try TestSupport.run("shellcheck", ["--shell=sh", "--severity=warning", file])
        XCTAssertEqual(result.status, 0, result.output)
        XCTAssertFalse(RemoteScript.text.contains("\n"))
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
        let bundle = try Bundle(program: "/bin/true", scenarios: paths, files: [folder.path + "/vars.yaml"])
        XCTAssertEqual(bundle.scenarioPaths, ["Scenarios", "2-Scenarios"])
        XCTAssertEqual(bundle.filePaths, ["file-vars.yaml"])
        let file = try folder.file("a.tar", bytes: bundle.archive.bytes)
        let list = try TestSupport.run("tar", ["-t", "-f", file]).output.split(separator: "\n").map(String.init)
        XCTAssertEqual(
            list,
            [
                "Scenarios/10-a.yaml", "Scenarios/deep/20-b.yml", "2-Scenarios/10-a.yaml", "2-Scenarios/deep/20-b.yml",
                "file-vars.yaml",
            ])
        let again = try Bundle(program: "/bin/true", scenarios: paths, files: [folder.path + "/vars.yaml"])
        XCTAssertEqual(bundle.archive.digest, again.archive.digest)
        let digest = try TestSupport.run("sha256sum", ["/bin/true"]).output.prefix(64)
        XCTAssertEqual(bundle.program.digest, String(digest))
    }
}
