import DebianFormat
import Foundation
import Platform
import TestSupport
import XCTest

@testable import DebianArchive
@testable import DebianBuild
@testable import DebianLint

/// The parts of planning that are values.
final class PlanningTests: XCTestCase {
    func testSnippetsAreShellThatShellcheckAccepts() throws {
        try requireProgram("shellcheck")
        let directory = try TemporaryDirectory()
        let user = SystemAccount(
            name: "some",
            kind: .user(group: "some", home: "/srv/a b", shell: "/bin/sh", comment: "it's", groups: ["adm"]))
        for upgrade in UnitPolicy.Upgrade.allCases {
            for flags in 0..<8 {
                let units = ["a-b@x.service", "run-vm\\x2dx.mount", "t@.service"].map { name in
                    UnitPolicy(
                        name: name, isEnabled: flags & 1 != 0, isStarted: flags & 2 != 0, onUpgrade: upgrade,
                        stopsOnRemove: flags & 4 != 0, isInstallable: flags != 5)
                }
                let assembler = MaintainerScriptAssembler(
                    package: "some-package", units: units, hasSysusers: flags & 1 != 0,
                    hasTmpfiles: flags & 2 != 0,
                    alternatives: [
                        Alternative(
                            name: "x", link: "/usr/bin/x", path: "/usr/bin/y", priority: 5,
                            followers: [.init(name: "z", link: "/usr/a b", path: "/usr/it's")])
                    ],
                    earlyAccounts: [SystemAccount(name: "some", kind: .group, id: 300), user],
                    fallbackAccounts: flags & 4 != 0 ? [user] : [],
                    maintenance: [try MaintenanceAction("rm_conffile /etc/x 1.0~")], usesDebconf: flags & 2 != 0,
                    userUnits: [("a.service", true), ("b.service", false)], profiles: ["usr.bin.x"])
                for script in MaintainerScriptName.allCases {
                    for own in [nil, "#!/bin/sh\nset -e\nif true; then\n    #DEBHELPER#\n    :\nfi\n"] {
                        guard case .complete(let text) = assembler.script(script, own: own) else { continue }
                        let path = try directory.file("s", text)
                        let result = try TestSupport.run("shellcheck", ["--shell=sh", "--exclude=SC1091", path])
                        XCTAssertEqual(result.status, 0, result.output + text)
                    }
                }
            }
        }
    }

    func testScriptsKeepTheirOwnText() {
        let assembler = MaintainerScriptAssembler(
            package: "x", units: [], hasSysusers: true, hasTmpfiles: false, alternatives: [])
        XCTAssertEqual(assembler.script(.postinst, own: "#!/bin/sh\n"), .markerMissing)
        XCTAssertEqual(assembler.script(.prerm, own: "#!/bin/sh\necho\n"), .complete("#!/bin/sh\necho\n"))
        XCTAssertNil(assembler.script(.prerm, own: nil))
        guard case .complete(let text) = assembler.script(.postinst, own: "#!/bin/sh\na\n#DEBHELPER#\nb\n") else {
            return XCTFail("no script")
        }
        XCTAssertTrue(text.hasPrefix("#!/bin/sh\na\ncase \"$1\" in\n"), text)
        XCTAssertTrue(text.hasSuffix("esac\nb\n"), text)
        XCTAssertTrue(text.contains("systemd-sysusers x.conf"), text)
    }

    func testDatesAreThoseOfTheSystem() throws {
        var generator = SeededGenerator(seed: 21)
        for _ in 0..<40 {
            let seconds = Int64.random(in: 0...7_000_000_000, using: &generator)
            let theirs = try TestSupport.run(
                "date", ["-u", "-R", "-d", "@\(seconds)"], environment: ["LC_ALL": "C"]
            ).output
            XCTAssertEqual(MailDate.text(seconds) + "\n", theirs)
        }
    }

    func testModesAndSizesAreWrittenAsPeopleReadThem() {
        XCTAssertEqual(ModeText.permissions(0o4755), "rwsr-xr-x")
        XCTAssertEqual(ModeText.permissions(0o2640), "rw-r-S---")
        XCTAssertEqual(ModeText.permissions(0o1777), "rwxrwxrwt")
        XCTAssertEqual(ModeText.octal(0o44), "0044")
        XCTAssertEqual(ByteCount.text(999), "999 B")
        XCTAssertEqual(ByteCount.text(1000), "1.0 kB")
        XCTAssertEqual(ByteCount.text(22_925_872), "22.9 MB")
        XCTAssertEqual(ByteCount.text(999_999), "1.0 MB")
    }
}
