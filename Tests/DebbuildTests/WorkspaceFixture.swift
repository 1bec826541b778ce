import Foundation
import TestSupport
import XCTest

/// A small workspace that builds, to be spoilt in one place by a test.
final class WorkspaceFixture {
    static let packageYAML = """
        package: hello
        summary: greet the world
        description: |
          Says hello.
        architectures: [all]
        contents:
          - file: hello.sh
            to: /usr/bin/hello
            mode: "0755"
        changelog: changelog
        copyright: copyright

        """
    static let workspaceYAML = """
        version: 1.2.3
        output: out
        defaults:
          maintainer: Test Team <team@example.org>
          section: misc

        """

    let directory: TemporaryDirectory
    var path: String { directory.path + "/w" }
    var output: String { path + "/out" }

    init(package: String = packageYAML, workspace: String = workspaceYAML) throws {
        directory = try TemporaryDirectory()
        try directory.file("w/workspace.yaml", workspace)
        try directory.file("w/hello/package.yaml", package)
        try directory.file("w/hello/hello.sh", "#!/bin/sh\necho hello\n", mode: 0o755)
        try directory.file(
            "w/hello/changelog",
            """
            hello (1.2.3) unstable; urgency=medium

              * First.

             -- Test Team <team@example.org>  Sat, 03 Feb 2024 12:00:00 +0000

            """)
        try directory.file(
            "w/hello/copyright", "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n")
    }

    func debbuild(_ arguments: [String], environment: [String: String] = [:]) throws -> RunResult {
        try TestSupport.run(
            productPath("debbuild"), arguments,
            environment: ["XDG_CACHE_HOME": directory.path + "/cache", "NO_COLOR": "1"].merging(environment) { $1 },
            workingDirectory: path)
    }

    /// Builds and gives the path of the only package.
    func build(_ arguments: [String] = [], environment: [String: String] = [:]) throws -> String {
        let result = try debbuild(["all"] + arguments, environment: environment)
        XCTAssertEqual(result.status, 0, result.errors)
        return result.output.split(separator: "\n").first.map(String.init) ?? ""
    }

    var packagesWritten: [String] {
        ((try? FileManager.default.subpathsOfDirectory(atPath: output)) ?? []).filter { !$0.isEmpty }
    }
}
