import Foundation
import TestSupport
import XCTest

/// The lab of this checkout, up for one test and down after it.
final class Lab {
    private static let script = repositoryRoot + "/Scripts/lab"

    /// The packages of this checkout, built once for all tests of the program.
    static let packages = Result { () throws -> [String: String] in
        try RealPackages.build(into: repositoryRoot + "/.build/lab/packages", arguments: ["--fast"])
    }

    init(_ arguments: [String] = []) throws {
        try requireRoot()
        try requireProgram("systemd-nspawn")
        guard RealPackages.release("mesh-lab") != nil else {
            throw XCTSkip("mesh-lab is not compiled for release; Scripts/test does that")
        }
        let up = try TestSupport.run(Self.script, ["up"] + arguments)
        guard up.status == 0 else {
            throw XCTSkip("no machine boots here: \(up.errors.suffix(400))")
        }
    }

    deinit { _ = try? TestSupport.run(Self.script, ["down"]) }

    /// A command of Scripts/lab that has to succeed.
    @discardableResult
    func run(_ arguments: String..., file: StaticString = #filePath, line: UInt = #line) throws -> String {
        let result = try TestSupport.run(Self.script, arguments)
        XCTAssertEqual(result.status, 0, result.output + result.errors, file: file, line: line)
        return result.output
    }

    /// A shell command on a machine, as root.
    func on(_ command: String, machine: String = "vm1") throws -> RunResult {
        try TestSupport.run(Self.script, ["ssh", machine, command])
    }

    /// The guide's steps on a machine.
    func install(_ machine: String = "vm1", packages: [String: String]? = nil) throws {
        let paths = try packages ?? Self.packages.get()
        let folder = try XCTUnwrap(paths.values.first.map { ($0 as NSString).deletingLastPathComponent })
        try run("install", machine, "--packages", folder)
    }

    /// Looks again until the command succeeds on the machine.
    func wait(
        _ machine: String = "vm1", for seconds: Int, _ command: String, file: StaticString = #filePath,
        line: UInt = #line
    ) throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var last = try on(command, machine: machine)
        while last.status != 0 {
            if ContinuousClock.now > deadline {
                XCTFail("not within \(seconds) s: \(command): \(last.output)\(last.errors)", file: file, line: line)
                return
            }
            last = try on(command, machine: machine)
        }
    }
}
