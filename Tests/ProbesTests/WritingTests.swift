import Foundation
import TestSupport
import XCTest

@testable import Probes

/// Whether a user can write to a place, tried as that user, and what stands in the way.
final class WritingTests: XCTestCase {
    private let wanted: Set = ["writable-by", "write-error", "write-message", "write-fails-for"]

    private func look(_ path: String, as user: String? = nil, unit: String? = nil) async throws -> Observation {
        var parameters: [String: Value] = ["path": .text(path)]
        if let user { parameters["as"] = .text(user) }
        if let unit { parameters["unit"] = .text(unit) }
        return try await observe("file", parameters, wanted)
    }

    func testOwnPlaces() async throws {
        let folder = try TemporaryDirectory()
        let seen = try await look(folder.path)
        XCTAssertEqual(seen["writable-by"], .bool(true))
        XCTAssertEqual(seen["write-error"], .null)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path), [], "nothing stays behind")
        let file = try folder.file("file", "as it was")
        let written = try await look(file)
        XCTAssertEqual(written["writable-by"], .bool(true))
        XCTAssertEqual(try String(contentsOfFile: file, encoding: .utf8), "as it was")
    }

    /// setpriv(1) is the oracle.
    func testOtherUsers() async throws {
        try requireRoot()
        try requireProgram("setpriv")
        // Below /tmp, whose parents everybody can pass.
        let folder = URL(fileURLWithPath: "/tmp/meshcheck-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, mode, parent) in [
            ("open", 0o777, 0o755), ("closed", 0o755, 0o755), ("sticky", 0o1777, 0o755), ("hidden", 0o700, 0o755),
            ("behind", 0o777, 0o700),
        ] {
            let path = folder + "/of-\(name)/\(name)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            chmod(folder, 0o755)
            chmod(folder + "/of-\(name)", mode_t(parent))
            chmod(path, mode_t(mode))
            let seen = try await look(path, as: "nobody")
            let touch = try TestSupport.run(
                "setpriv", ["--reuid=nobody", "--regid=nogroup", "--clear-groups", "touch", path + "/probe"])
            XCTAssertEqual(seen["writable-by"], .bool(touch.status == 0), name)
            XCTAssertEqual(seen["write-error"], touch.status == 0 ? .null : .text("permission"), name)
            XCTAssertEqual(seen["write-fails-for"], touch.status == 0 ? .null : .text("host"), name)
        }
    }

    func testFileSystems() async throws {
        try requireRoot()
        let folder = try TemporaryDirectory()
        func mounted(_ name: String, _ options: String) throws -> String? {
            let path = try folder.directory(name)
            let result = try TestSupport.run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path])
            return result.status == 0 ? path : nil
        }
        guard let small = try mounted("small", "size=8k"), let few = try mounted("few", "nr_inodes=1"),
            let readOnly = try mounted("read-only", "ro")
        else { throw XCTSkip("no file system can be mounted here") }
        defer { for path in [small, few, readOnly] { _ = try? TestSupport.run("umount", [path]) } }
        for (path, error) in [(small, "no-space"), (few, "no-space"), (readOnly, "read-only")] {
            let seen = try await look(path)
            XCTAssertEqual(seen["writable-by"], .bool(false), path)
            XCTAssertEqual(seen.text("write-error"), error, path)
            XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: path), [], path)
        }
        let mount = try await observe("file", ["path": .text(small)], ["mount", "mount-point"])
        XCTAssertEqual(mount.text("mount-point"), small)
    }

    // MARK: - programs

    /// What the kernel says when the user executes the file is the oracle.
    func testWhatKeepsAProgramFromRunning() throws {
        let folder = try TemporaryDirectory()
        try folder.file("good", "#!/bin/sh\n", mode: 0o755)
        try folder.file("mode", "#!/bin/sh\n", mode: 0o644)
        try folder.file("windows", "#!/bin/sh\r\n", mode: 0o755)
        try folder.file("through", "#!\(folder.path)/mode -x\n", mode: 0o755)
        _ = try folder.directory("folder")
        let table: [(String, ExecutionObstacle?)] = [
            ("good", nil), ("mode", .noMode("0644")), ("windows", .noInterpreter("/bin/sh\r")), ("folder", .folder),
            ("through", .interpreter(folder.path + "/mode", .noMode("0644"))), ("none", nil),
        ]
        for (name, obstacle) in table {
            let path = folder.path + "/" + name
            XCTAssertEqual(ExecutionObstacle.found(at: path)?.obstacle, obstacle, name)
            let run = try TestSupport.run("sh", ["-c", "exec \(path)"])
            if name != "none" { XCTAssertEqual(run.status == 0, obstacle == nil, "\(name): \(run.errors)") }
        }
        XCTAssertTrue("\(ExecutionObstacle.noInterpreter("/bin/sh\r"))".contains("\\r"), "it has to be seen")
    }

    func testProgramsOnAFileSystemWithoutThem() throws {
        try requireRoot()
        let folder = try TemporaryDirectory()
        let path = try folder.directory("bin")
        guard try TestSupport.run("mount", ["-t", "tmpfs", "-o", "noexec", "tmpfs", path]).status == 0 else {
            throw XCTSkip("no file system can be mounted here")
        }
        defer { _ = try? TestSupport.run("umount", [path]) }
        let program = try folder.file("bin/program", "#!/bin/sh\n", mode: 0o755)
        let obstacle = try XCTUnwrap(ExecutionObstacle.found(at: program)?.obstacle)
        XCTAssertEqual(obstacle, .mount)
        let table = MountTable(Array(try Data(contentsOf: URL(fileURLWithPath: "/proc/self/mountinfo"))))
        // The remedy is tried as it is printed.
        for command in obstacle.undo(of: program, table) {
            try TestSupport.run("sh", ["-c", command]).check()
        }
        XCTAssertNil(ExecutionObstacle.found(at: program))
    }
}
