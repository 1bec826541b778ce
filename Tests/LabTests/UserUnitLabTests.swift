import Foundation
import TestSupport
import XCTest

/// Units of a user's service manager, on a machine where the user lingers; `systemctl --user` is the oracle.
final class UserUnitLabTests: XCTestCase {
    func testUnitsOfAUser() throws {
        let lab = try Lab(name: "user")
        let meshcheck = try XCTUnwrap(Lab.packages.get()["meshcheck"])
        try lab.copy([meshcheck], to: "/root")
        try lab.on("dpkg --install /root/\((meshcheck as NSString).lastPathComponent)").check()
        let systemctl = "runuser -u person -- env XDG_RUNTIME_DIR=/run/user/1000 systemctl --user"
        try lab.on(
            """
            set -e
            install -d -o person -g person /home/person/.config/systemd/user
            printf '[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=default.target\\n' \
                >/home/person/.config/systemd/user/tick.service
            loginctl enable-linger person
            """
        ).check()
        try lab.wait(for: 30, "test -e /run/user/1000/systemd/private")
        try lab.on("\(systemctl) daemon-reload && \(systemctl) enable --now tick.service").check()
        let pid = try lab.on("\(systemctl) show --property MainPID --value tick.service").check()
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let scenario = """
            name: user
            checks:
              - {id: runs, title: It runs, unit: {name: tick, user: person},
                 expect: {active: active, enabled: enabled, main-pid: \(pid), fragment: /home/person/.config/systemd/user/tick.service}}
              - {id: by-number, title: By number, unit: {name: tick, user: '1000'}, expect: {up: true}}
              - {id: none, title: None, unit: {name: other, user: person}, expect: {exists: false}}
              - {id: of-the-system, title: Of the system, unit: tick, expect: {exists: false}}
            """
        try lab.on("cat >/root/user.yaml <<'END'\n\(scenario)\nEND").check()
        let result = try lab.on("meshcheck run /root/user.yaml --no-packages --format tap")
        XCTAssertEqual(result.status, 0, result.output + result.errors)
        try lab.on("\(systemctl) stop tick.service").check()
        XCTAssertEqual(try lab.on("meshcheck run /root/user.yaml --no-packages --id runs").status, 1)
        // Nobody's manager: an error, and no unit that does not run.
        try lab.on("sed -i 's/user: person/user: daemon/' /root/user.yaml").check()
        let error = try lab.on("meshcheck run /root/user.yaml --no-packages --id none")
        XCTAssertNotEqual(error.status, 0)
        XCTAssertTrue(error.output.contains("service manager"), error.output)
    }
}
