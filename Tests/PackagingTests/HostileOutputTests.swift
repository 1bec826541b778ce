import TestSupport
import XCTest

/// No program passes on what would drive the terminal: neither its arguments, nor what other programs say to it.
final class HostileOutputTests: XCTestCase {
    private func assertHarmless(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], _ note: String = ""
    ) throws {
        let result = try TestSupport.run(
            productPath(program), arguments, environment: ["NO_COLOR": "1"].merging(environment) { $1 })
        for output in [result.standardOutput, result.standardError] {
            XCTAssertEqual(
                HostileText.harm(in: output), [], "\(program) \(arguments.first ?? "") \(note): \(result.errors)")
        }
        XCTAssertFalse(result.standardError.isEmpty && result.standardOutput.isEmpty, "\(program) \(arguments)")
    }

    /// Commands that name what they were given in their messages; `@` stands for it.
    private static let commands: [String: [[String]]] = [
        "meshcheck": [
            ["--@"], ["run", "@"], ["run", "--var", "@"], ["run", "--var-file", "@"], ["run", "--vars", "@"],
            ["run", "--format", "@"], ["run", "--target", "ssh://@"], ["run", "--inventory", "@"], ["list", "@"],
            ["validate", "@"], ["explain", "@"], ["explain", "--diagnoses", "@"], ["serve", "--listen", "@"],
            ["watch", "--interval", "@"], ["init", "--unit", "@"], ["schema", "@"],
        ],
        "meshex": [
            ["--@"], ["register", "@", "10.0.0.1", "80"], ["register", "a", "@", "80"],
            ["register", "a", "10.0.0.1", "@"],
            ["register", "a", "10.0.0.1", "80", "-l", "@"], ["cluster-env", "--cidr", "@"],
            ["manifests", "--cloud", "@"],
            ["certs", "--kubectl", "@"], ["doctor", "--kubectl", "@"], ["dnsmasq", "--format", "@"],
            ["machine-setup", "@", "--certs", "@", "--packages", "@", "--cluster-env", "@", "--kubedns", "@"],
            ["machine-setup", "a", "--certs", "@", "--packages", "@", "--cluster-env", "@", "--kubedns", "@"],
        ],
        "debbuild": [
            ["--@"], ["build", "@"], ["build", "--workspace", "@"], ["plan", "@"], ["inspect", "@"], ["lint", "@"],
            ["diff", "@", "@"], ["version", "@"], ["version", "compare", "@", "1"], ["init", "@"], ["schema", "@"],
        ],
        "mesh-lab": [
            ["--@"], ["run", "--config", "@"], ["dns", "--config", "@"], ["fault", "@"], ["fault", "ca-deny", "@"],
            ["issue", "--service-account", "@", "--namespace", "a", "--out", "/nowhere"], ["schema", "--form", "@"],
        ],
        "pilot-agent": [["--@"], ["bootstrap", "--@"]],
    ]

    func testArgumentsAreShownHarmlessly() throws {
        for (program, commands) in Self.commands {
            for command in commands {
                try assertHarmless(program, command.map { $0.replacing("@", with: HostileText.argument) })
            }
        }
    }

    /// Bytes that are no text, which Swift's own arguments cannot have.
    func testArgumentsThatAreNoText() throws {
        for (program, commands) in Self.commands {
            for command in commands where command.last == "@" {
                let script = "a=$(printf 'x\\377\\233\\302'); exec \"$@\" \"$a\""
                let result = try TestSupport.run(
                    "sh", ["-c", script, "sh", productPath(program)] + command.dropLast(),
                    environment: ["NO_COLOR": "1"])
                XCTAssertEqual(
                    HostileText.harm(in: result.standardOutput + result.standardError), [], "\(program) \(command)")
            }
        }
    }

    /// A kubectl, and behind it a cluster, that says the worst, with success and without.
    func testWhatKubectlSaysIsShownHarmlessly() throws {
        let folder = try TemporaryDirectory()
        let kubectl = try folder.file(
            "kubectl", "#!/bin/sh\nprintf '%s' \"$SAID\"\nprintf '%s' \"$SAID\" >&2\nexit \"$ENDED\"\n", mode: 0o755)
        let commands = [
            ["certs", "--out", folder.path + "/certs"], ["doctor"], ["dnsmasq", "--wait", "0", "--out", "-"],
            ["cluster-env", "--out", "-"], ["manifests", "--cloud", "none", "--apply", "--out", folder.path + "/m"],
            ["register", "a", "10.0.0.1", "80", "-n", "b"], ["register", "a", "10.0.0.1", "80"],
            ["deregister", "a", "10.0.0.1", "-n", "b"], ["register", "--modern", "a", "10.0.0.1", "80", "-n", "b"],
        ]
        let said = [
            HostileText.argument, "Error from server (NotFound): \(HostileText.argument)",
            "Error from server (\(HostileText.argument)): x", "{\"metadata\": {\"name\": \"\(HostileText.argument)\"}}",
            "The provided IP is not in the valid range. The range of valid IPs is \(HostileText.argument)",
        ]
        for text in said {
            for status in ["0", "1"] {
                for command in commands {
                    try assertHarmless(
                        "meshex", command + ["--kubectl", kubectl], environment: ["SAID": text, "ENDED": status], status
                    )
                }
            }
        }
    }
}
