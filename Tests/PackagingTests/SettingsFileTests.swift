import Foundation
import TestSupport
import XCTest

/// Settings are parsed, never executed, and only where nobody but root could have written them.
final class SettingsFileTests: XCTestCase {
    func testNothingIsExecuted() throws {
        let machine = try Machine()
        let marker = machine.folder.path + "/executed"
        let lines = [
            "ENVOY_PORT=$(touch \(marker))", "ENVOY_PORT=`touch \(marker)`", "ENVOY_PORT=\"$(touch \(marker))\"",
            "ENVOY_PORT='`touch \(marker)`'", "touch \(marker)", "ENVOY_PORT=1;touch \(marker)",
            "ENVOY_PORT=1 touch \(marker)", "ENVOY_PORT=$HOME", ". \(marker)", "eval touch \(marker)",
            "A[$(touch \(marker))]=1", "ENVOY_PORT=1&touch \(marker)", "ENVOY_PORT=1\\", "export ENVOY_PORT",
            "ENVOY_PORT=15009\r", "ENVOY_PORT=\"1\"2",
        ]
        for line in lines {
            try machine.sidecar("# settings\n\(line)\n")
            let result = try machine.iptables()
            XCTAssertEqual(result.status, 2, line)
            XCTAssertTrue(result.errors.contains("sidecar.env:2: "), "\(line): \(result.errors)")
            XCTAssertFalse(FileManager.default.fileExists(atPath: marker), line)
            XCTAssertEqual(try machine.chains(), [], line)
        }
        // A value that a test would evaluate: arithmetic is only done on what is a number.
        try machine.sidecar("ENVOY_UID=a[b]\n")
        XCTAssertEqual(try machine.iptables().status, 2)
    }

    func testAllBadLinesAreNamed() throws {
        let machine = try Machine()
        try machine.cluster("nonsense\nENVOY_PORT=15009\nA=`b`\n")
        let errors = try machine.iptables().errors
        XCTAssertTrue(errors.contains("cluster.env:1: expected NAME=VALUE, found 'nonsense'"), errors)
        XCTAssertTrue(errors.contains("cluster.env:3: '$' and '`' are not substituted"), errors)
        XCTAssertTrue(errors.contains("2 bad line(s)"), errors)
    }

    func testForms() throws {
        let machine = try Machine()
        let forms = [
            "ENVOY_PORT=15009", "ENVOY_PORT='15009'", "ENVOY_PORT=\"15009\"", "export ENVOY_PORT=15009",
            "  ENVOY_PORT=15009  ", "ENVOY_PORT=15009 # of ours", "export  ENVOY_PORT='15009'\t# $(of ours)",
            "# ENVOY_PORT=1\n\n\nENVOY_PORT=15009", "ENVOY_PORT=1\nENVOY_PORT=15009",
            "lower=1\nENVOY_PORT=15009", "PATH=/nowhere\nIFS=0\nLD_PRELOAD=x\nENVOY_PORT=15009",
        ]
        for form in forms {
            try machine.sidecar(form)  // without a final newline
            let result = try machine.iptables()
            XCTAssertEqual(result.status, 0, "\(form): \(result.errors)")
            XCTAssertTrue(try machine.rules().contains("--to-ports 15009"), form)
            try machine.iptables("clean")
        }
    }

    func testNamesInLowerCaseAreIgnoredWithAWarning() throws {
        let machine = try Machine()
        try machine.sidecar("envoy_port=15009\n")
        let result = try machine.iptables()
        XCTAssertEqual(result.status, 0)
        XCTAssertTrue(result.errors.contains("sidecar.env:1: warning: 'envoy_port' is ignored"), result.errors)
    }

    func testOnlyFilesOfRootAreRead() throws {
        let machine = try Machine()
        let file = machine.settings + "/sidecar.env"
        func refuses(_ what: String, _ message: String, line: UInt = #line) throws {
            let result = try machine.iptables()
            XCTAssertEqual(result.status, 2, what, line: line)
            XCTAssertTrue(result.errors.contains(message), "\(what): \(result.errors)", line: line)
            XCTAssertEqual(try machine.chains(), [], what, line: line)
        }
        func accepts() throws {
            XCTAssertEqual(try machine.iptables().status, 0)
            XCTAssertEqual(try machine.iptables("clean").status, 0)
        }
        try machine.sidecar("ENVOY_PORT=15009\n")
        try machine.own(file)
        try refuses("file of istio-proxy", "sidecar.env' belongs to uid 999 (must be 0)")
        try machine.own(file, by: 0)
        for mode in [0o664, 0o646, 0o666] as [mode_t] {
            XCTAssertEqual(chmod(file, mode), 0)
            try refuses("mode \(mode)", "writable by others than root")
        }
        XCTAssertEqual(chmod(file, 0o644), 0)
        try machine.own(machine.settings)
        try refuses("directory of istio-proxy, as the guide's chown leaves it", "settings' belongs to uid 999")
        try machine.own(machine.settings, by: 0)
        for mode in [0o775, 0o777, 0o1777] as [mode_t] {
            XCTAssertEqual(chmod(machine.settings, mode), 0)
            try refuses("directory with mode \(mode)", "writable by others than root")
        }
        XCTAssertEqual(chmod(machine.settings, 0o755), 0)
        try machine.own(machine.folder.path)
        try refuses("directory above", "belongs to uid 999")
        try machine.own(machine.folder.path, by: 0)
        try accepts()
        // The start script does not read them either.
        try machine.own(file)
        for arguments in [[], ["init"]] as [[String]] {
            let result = try machine.run(machine.binaries + "/istio-start.sh", arguments)
            XCTAssertEqual(result.status, 2)
            XCTAssertTrue(result.errors.contains("belongs to uid 999"), result.errors)
        }
        // What is behind a link counts.
        try machine.own(file, by: 0)
        let elsewhere = try machine.folder.file("elsewhere/real.env", "ENVOY_PORT=15009\n")
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: elsewhere)
        try accepts()
        try machine.own(elsewhere)
        try refuses("link to a file of istio-proxy", "real.env' belongs to uid 999")
        try FileManager.default.removeItem(atPath: elsewhere)
        try refuses("dangling link", "link to a file that does not exist")
    }

    func testHiddenIsNotAbsent() throws {
        let machine = try Machine()
        try machine.sidecar("ISTIO_NAMESPACE=other\n")
        XCTAssertEqual(chmod(machine.settings, 0o700), 0)
        let hidden = try machine.runAs(Machine.proxyUser, machine.binaries + "/istio-start.sh", [])
        XCTAssertEqual(hidden.status, 2)
        XCTAssertTrue(hidden.errors.contains("cannot look into"), hidden.errors)
        XCTAssertEqual(chmod(machine.settings, 0o755), 0)
        XCTAssertEqual(chmod(machine.settings + "/sidecar.env", 0o600), 0)
        let unreadable = try machine.runAs(Machine.proxyUser, machine.binaries + "/istio-start.sh", [])
        XCTAssertEqual(unreadable.status, 2)
        XCTAssertTrue(unreadable.errors.contains("user istio-proxy cannot read it"), unreadable.errors)
    }

    /// The shipped file sets nothing, and every line of it that looks like a setting is one.
    func testShippedSettings() throws {
        let text = try Packaging.text("istio-proxy", "sidecar.env")
        for line in text.split(separator: "\n") { XCTAssertTrue(line.hasPrefix("#"), "\(line)") }
        let machine = try Machine()
        try machine.sidecar(text)
        XCTAssertEqual(try machine.iptables().status, 0)
        let bare = try machine.rules()
        // Taking the comments off the defaults changes nothing.
        try machine.sidecar(
            text.split(separator: "\n").filter { $0.wholeMatch(of: /#[A-Z_]+=.*/) != nil }.map { $0.dropFirst() }
                .joined(separator: "\n").replacing("ENVOY_UID=", with: "OTHER="))
        let result = try machine.iptables()
        XCTAssertEqual(result.status, 0, result.errors)
        XCTAssertEqual(try machine.rules(), bare)
        // What it names is read by the scripts.
        let scripts = try ["istio-start.sh", "istio-iptables.sh"].map { try Packaging.text("istio-proxy", $0) }.joined()
        for match in text.matches(of: /(?m)^#([A-Z_]+)=/) {
            XCTAssertTrue(scripts.contains("setting \(match.1)"), "\(match.1)")
        }
    }
}
