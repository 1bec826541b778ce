import Foundation
import TestSupport
import XCTest

/// A package that brings its own checks, installed by a real dpkg: whatever is changed of it is named, and what an
/// administrator may do is not. ``PackageLabTests`` does the same on a machine with systemd.
final class PackageMutationTests: XCTestCase {
    /// A root with the package installed, and with another choice for its alternative.
    private func machine(_ folder: TemporaryDirectory) throws -> SpareRoot {
        for program in ["setcap", "setfacl", "systemd-sysusers", "systemd-tmpfiles", "perl", "usermod"] {
            try requireProgram(program)
        }
        let root = try SpareRoot()
        try root.copy(productPath("meshcheck"), to: "/usr/bin/meshcheck")
        try root.copy(repositoryRoot + "/Scenarios", to: "/usr/share/meshcheck/Scenarios")
        try root.copy(
            try MutantPackage.build("1.0", by: productPath("debbuild"), in: folder),
            to: "/srv/mutants/mutant_1.0_all.deb")
        try root.shell("dpkg --install /srv/mutants/mutant_1.0_all.deb").check()
        try root.shell("update-alternatives --install /usr/bin/mutation mutation /bin/true 1").check()
        return root
    }

    func testWhatAnAdministratorMayDoIsNoAlarm() throws {
        let folder = try TemporaryDirectory()
        let root = try machine(folder)
        try MutantPackage.assertQuiet(root.shell, "after the installation")
        try root.copy(
            try MutantPackage.build("1.1", by: productPath("debbuild"), in: folder, data: "other data\n"),
            to: "/srv/mutants/mutant_1.1_all.deb")
        for liberty in MutantPackage.liberties {
            try root.shell("cd /srv/mutants && \(liberty.command)").check()
            try MutantPackage.assertQuiet(root.shell, liberty.words)
        }
        try root.shell("dpkg --remove mutant").check()
        XCTAssertEqual(try root.shell("ls /usr/share/meshcheck/packages.d").output, "")
    }

    func testAHundredMutationsAreNamed() throws {
        let folder = try TemporaryDirectory()
        let root = try machine(folder)
        for seed in MutantPackage.seeds {
            var run = MutationRun(look: MutantPackage.look, shell: root.shell)
            try run.run(100, seed: seed, of: MutantPackage.targets(isBooted: false))
            XCTAssertEqual(run.failures.joined(separator: "\n"), "", "seed \(seed)")
            XCTAssertGreaterThan(run.codes.count, 6, "seed \(seed): \(run.codes)")
            try MutantPackage.assertQuiet(root.shell, "after seed \(seed)")
        }
    }

    /// The remedies, run as they are printed, make the machine what it was.
    func testRemediesHelp() throws {
        let folder = try TemporaryDirectory()
        let root = try machine(folder)
        try root.shell(MutantPackage.source("/srv/mutants")).check()
        let isSlow = ProcessInfo.processInfo.environment["SLOW_TESTS"] == "1"
        var run = MutationRun(look: MutantPackage.look, followsRemedies: true, shell: root.shell)
        try run.run(isSlow ? 100 : 12, seed: 4, of: MutantPackage.targets(isBooted: false))
        XCTAssertEqual(run.failures.joined(separator: "\n"), "")
    }

    /// The version that was installed before says so, and nothing else.
    func testAnotherVersionIsNamed() throws {
        let folder = try TemporaryDirectory()
        let root = try machine(folder)
        _ = try MutantPackage.build("1.1", by: productPath("debbuild"), in: folder)
        try root.copy(folder.path + "/mutant-1.1/out/mutant_1.1_all.meshcheck.yaml", to: "/tmp/other.yaml")
        let report = try MutationReport.of(try root.shell("meshcheck run /tmp/other.yaml --format json"))
        XCTAssertEqual(report.diagnoses.map(\.code), ["MX0120"], report.story)
    }

    /// Packages that others built: drawn up on a machine, they are looked at by the same checks.
    func testAnyPackageCanBeDrawnUp() throws {
        let root = try SpareRoot()
        try root.copy(productPath("meshcheck"), to: "/usr/bin/meshcheck")
        try root.copy(repositoryRoot + "/Scenarios", to: "/usr/share/meshcheck/Scenarios")
        try root.shell(
            "mkdir -p /usr/share/meshcheck/packages.d && cd /usr/share/meshcheck/packages.d && "
                + "for name in coreutils passwd tar; do meshcheck init --package $name --output $name.yaml || exit; done"
        ).check()
        try MutantPackage.assertQuiet(root.shell, "as it was drawn up")
        try root.shell("chmod u-s /usr/bin/passwd && rm /bin/tar && echo >>/bin/true").check()
        let report = try MutationReport.of(try root.shell(MutantPackage.look))
        for path in ["/usr/bin/passwd", "/bin/tar", "/bin/true"] {
            XCTAssertTrue(report.names(path), "\(path): \(report.story)")
        }
    }
}
