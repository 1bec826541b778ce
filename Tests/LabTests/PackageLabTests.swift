import Foundation
import TestSupport
import XCTest

/// Packages that bring their own checks, on a machine that was booted with systemd.
final class PackageLabTests: XCTestCase {
    private static let folder = "/root/mutants"

    private static func debbuild() throws -> String { try XCTUnwrap(RealPackages.release("debbuild")) }

    /// A machine with meshcheck and the package in its first version.
    private func machine(_ lab: Lab, _ folder: TemporaryDirectory) throws -> MachineShell {
        let shell: MachineShell = { try lab.on($0) }
        try lab.on("mkdir -p \(Self.folder)").check()
        let meshcheck = try XCTUnwrap(Lab.packages.get()["meshcheck"])
        try lab.copy([meshcheck], to: "/root")
        try lab.on("dpkg --install /root/\((meshcheck as NSString).lastPathComponent)").check()
        try lab.run("add", "vm1", "acl", "libcap2-bin")
        try lab.copy([try MutantPackage.build("1.0", by: try Self.debbuild(), in: folder)], to: Self.folder)
        try lab.on("dpkg --install \(Self.folder)/mutant_1.0_all.deb").check()
        try lab.on("update-alternatives --install /usr/bin/mutation mutation /bin/true 1").check()
        return shell
    }

    /// Installation, upgrade, edited configuration, diversion, override and reboot, with units and ports.
    func testWhatAnAdministratorMayDoIsNoAlarm() throws {
        let lab = try Lab(name: "package")
        let folder = try TemporaryDirectory()
        let shell = try machine(lab, folder)
        try MutantPackage.assertQuiet(shell, "after the installation")
        try lab.run("reboot", "vm1")
        try MutantPackage.assertQuiet(shell, "after a reboot")
        try lab.copy(
            [try MutantPackage.build("1.1", by: try Self.debbuild(), in: folder, data: "other data\n")], to: Self.folder
        )
        for liberty in MutantPackage.liberties {
            try lab.on("cd \(Self.folder) && \(liberty.command)").check()
            try MutantPackage.assertQuiet(shell, liberty.words)
        }
        try lab.run("reboot", "vm1")
        try MutantPackage.assertQuiet(shell, "after all of it and a reboot")
        try lab.on("dpkg --remove mutant").check()
        try MutantPackage.assertQuiet(shell, "after the removal")
    }

    /// Units, ports, files, accounts and alternatives; thirty for CI, since the chroot has a hundred of most kinds.
    func testAHundredMutationsAreNamed() throws {
        let count = ProcessInfo.processInfo.environment["CI"] == "true" ? 30 : 100
        let lab = try Lab(name: "mutant")
        let folder = try TemporaryDirectory()
        let shell = try machine(lab, folder)
        for seed in MutantPackage.seeds {
            var run = MutationRun(look: MutantPackage.look, shell: shell)
            try run.run(count, seed: seed, of: MutantPackage.targets(isBooted: true))
            XCTAssertEqual(run.failures.joined(separator: "\n"), "", "seed \(seed)")
            XCTAssertGreaterThan(run.codes.count, count / 10, "seed \(seed): \(run.codes)")
            try MutantPackage.assertQuiet(shell, "after seed \(seed)")
        }
        try lab.on(MutantPackage.source(Self.folder)).check()
        let isSlow = ProcessInfo.processInfo.environment["SLOW_TESTS"] == "1"
        var run = MutationRun(look: MutantPackage.look, followsRemedies: true, shell: shell)
        try run.run(isSlow ? 100 : 12, seed: 4, of: MutantPackage.targets(isBooted: true))
        XCTAssertEqual(run.failures.joined(separator: "\n"), "")
    }
}
