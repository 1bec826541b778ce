import Foundation
import Synchronization
import TestSupport
import XCTest

/// The lab of this checkout, up for one test and down after it.
final class Lab: Sendable {
    private static let script = repositoryRoot + "/Scripts/lab"

    /// The packages of this checkout, built once for all tests of the program.
    static let packages = Result { () throws -> [String: String] in
        try RealPackages.build(into: repositoryRoot + "/.build/lab/packages", arguments: ["--fast"])
    }

    private let environment: [String: String]

    /// Boots machines. A name makes it another lab than that of the checkout, which can be up at the same time; behind
    /// LAB_NAME, so that whoever has a lab of that name has labs of its own for tests as well.
    init(_ arguments: [String] = [], name: String = "test") throws {
        environment = ["LAB_NAME": (ProcessInfo.processInfo.environment["LAB_NAME"] ?? "") + name]
        try requireRoot()
        try requireProgram("systemd-nspawn")
        guard RealPackages.release("mesh-lab") != nil else {
            throw XCTSkip("mesh-lab is not compiled for release; Scripts/test does that")
        }
        let up = try TestSupport.run(Self.script, ["up"] + arguments, environment: environment)
        if up.status != 0 {
            try TestSupport.run(Self.script, ["down"], environment: environment).check()
            // 70 is the lab's word for a host that lacks what it needs.
            guard up.status == 70 else { throw LabError(text: "no lab: status \(up.status): \(up.errors)") }
            throw XCTSkip("no lab here: \(up.errors.suffix(400))")
        }
    }

    deinit { _ = try? TestSupport.run(Self.script, ["down"], environment: environment) }

    /// A command of Scripts/lab that has to succeed.
    @discardableResult
    func run(_ arguments: String..., file: StaticString = #filePath, line: UInt = #line) throws -> String {
        let result = try TestSupport.run(Self.script, arguments, environment: environment)
        XCTAssertEqual(result.status, 0, result.output + result.errors, file: file, line: line)
        return result.output
    }

    /// A shell command on a machine, as root.
    func on(_ command: String, machine: String = "vm1") throws -> RunResult {
        try TestSupport.run(Self.script, ["ssh", machine, command], environment: environment)
    }

    /// The guide's steps on a machine.
    func install(_ machine: String = "vm1", packages: [String: String]? = nil) throws {
        try run("install", machine, "--packages", try packagesFolder(packages))
    }

    private func packagesFolder(_ packages: [String: String]? = nil) throws -> String {
        let paths = try packages ?? Self.packages.get()
        return try XCTUnwrap(paths.values.first.map { ($0 as NSString).deletingLastPathComponent })
    }

    /// The guide's steps on several machines at once.
    func install(on machines: [String]) throws {
        let folder = try packagesFolder()
        let failures = Mutex([String]())
        DispatchQueue.concurrentPerform(iterations: machines.count) { number in
            do {
                let result = try command("install", machines[number], "--packages", folder)
                if result.status != 0 { failures.withLock { $0.append(result.errors) } }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        XCTAssertEqual(failures.withLock { $0 }, [])
    }

    /// Copies files into a folder of a machine.
    func copy(_ paths: [String], to folder: String, machine: String = "vm1") throws {
        for path in paths {
            // The path is the shell's first argument, the machine its second.
            let copied = try TestSupport.run(
                "sh",
                [
                    "-c", "exec \"$0\" ssh \"$2\" \"cat >'$3'\" <\"$1\"", Self.script, path, machine,
                    folder + "/" + (path as NSString).lastPathComponent,
                ], environment: environment)
            if copied.status != 0 { throw LabError(text: "\(path) was not copied: \(copied.errors)") }
        }
    }

    /// A command of Scripts/lab with its status.
    func command(_ arguments: String...) throws -> RunResult {
        try TestSupport.run(Self.script, arguments, environment: environment)
    }

    /// The same with the arguments in a list.
    func command(_ arguments: [String]) throws -> RunResult {
        try TestSupport.run(Self.script, arguments, environment: environment)
    }

    /// A command of Scripts/lab that goes on until it is ended.
    func start(_ arguments: [String]) throws -> BackgroundProgram {
        try BackgroundProgram(Self.script, arguments, environment: environment)
    }

    /// The configuration of ssh by which machines are reached from the operator's host.
    var sshConfiguration: String { repositoryRoot + "/.build/lab/run-\(environment["LAB_NAME"] ?? "")/ssh_config" }

    /// What meshcheck says on a machine.
    func report(_ machine: String, _ arguments: String = "") throws -> LabReport {
        let result = try on("meshcheck run --format json \(arguments)", machine: machine)
        guard let report = try? JSONDecoder().decode(LabReport.self, from: Data(result.output.utf8)) else {
            throw LabError(text: "no report of \(machine): status \(result.status): \(result.errors.suffix(1000))")
        }
        return report
    }

    /// Looks again until nothing is wrong with a machine.
    func waitForGreen(_ machine: String, within limit: Duration = .seconds(90)) throws {
        let last = try green(machine, within: limit)
        XCTAssertTrue(last.isGreen, "\(machine): \(last.story)")
    }

    /// Looks until nothing is wrong, or the time is up; the last report.
    func green(_ machine: String, within limit: Duration) throws -> LabReport {
        let deadline = ContinuousClock.now + limit
        var last = try report(machine)
        while !last.isGreen, ContinuousClock.now < deadline { last = try report(machine) }
        return last
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

/// A lab that does not do what it should.
struct LabError: Error, CustomStringConvertible {
    let text: String
    var description: String { text }
}
