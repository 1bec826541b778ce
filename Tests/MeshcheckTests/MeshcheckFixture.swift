import Foundation
import TestSupport
import XCTest

/// Scenarios in a folder, and the built program to run them with.
struct MeshcheckFixture {
    let directory: TemporaryDirectory
    let scenarios: String

    init() throws {
        directory = try TemporaryDirectory()
        scenarios = try directory.directory("Scenarios")
        try directory.file("Scenarios/10-files.yaml", Self.text(mark: directory.path + "/mark"))
    }

    /// Three checks: one that passes, one that needs the file `mark`, one that only warns.
    static func text(mark: String) -> String {
        """
        name: 10-files
        title: Files are where they belong
        checks:
          - id: files.passwd
            title: The users are known
            file: /etc/passwd
            tags: [users]
            expect:
              exists: {equals: true}
          - id: files.mark
            title: The mark is there
            file: \(mark)
            expect:
              exists: {equals: true}
          - id: files.extra
            title: The extra file is there
            file: \(mark).extra
            severity: warning
            expect:
              exists: {equals: true}

        """
    }

    /// Makes the failing check pass.
    func makeMark() throws { try directory.file("mark", "") }

    /// Makes it fail again.
    func removeMark() throws { try FileManager.default.removeItem(atPath: directory.path + "/mark") }

    /// Adds a scenario with one check that runs a command.
    func addCommand(_ arguments: [String], id: String = "slow.command", timeout: String = "60s") throws {
        let words = arguments.map { "\"\($0.replacingOccurrences(of: "\"", with: "\\\""))\"" }.joined(separator: ", ")
        try directory.file(
            "Scenarios/20-\(id).yaml",
            """
            name: 20-\(id)
            title: A command ends well
            checks:
              - id: \(id)
                title: The command ends well
                command: [\(words)]
                timeout: \(timeout)
                expect:
                  exit-status: {equals: 0}

            """)
    }

    static let program = productPath("meshcheck")

    /// Runs the program to its end.
    static func run(
        _ arguments: [String], environment: [String: String] = [:], workingDirectory: String? = nil
    ) throws -> TestSupport.RunResult {
        try TestSupport.run(
            program, arguments, environment: ["NO_COLOR": "1", "LC_ALL": "C.UTF-8"].merging(environment) { $1 },
            workingDirectory: workingDirectory)
    }

    /// Runs it as where no meshcheck is installed, whose scenarios and diagnoses it would take.
    static func runUninstalled(_ arguments: [String], workingDirectory: String) throws -> TestSupport.RunResult {
        let installed = "/usr/share/meshcheck"
        guard FileManager.default.fileExists(atPath: installed) else {
            return try run(arguments, workingDirectory: workingDirectory)
        }
        let hiding = ["sh", "-c", "mount -t tmpfs none \(installed) && exec \"$@\"", "sh", program]
        return try TestSupport.run(
            "unshare", ["--mount"] + (getuid() == 0 ? [] : ["--map-root-user"]) + hiding + arguments,
            environment: ["NO_COLOR": "1", "LC_ALL": "C.UTF-8"], workingDirectory: workingDirectory)
    }
}
