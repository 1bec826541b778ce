import Foundation
import TestSupport
import XCTest

/// Several machines at once, as an operator looks at them.
final class LabFleetTests: XCTestCase {
    /// Three machines, one broken: the report sets it apart from those that are well.
    func testOneBrokenMachineOfThreeIsSetApart() throws {
        let lab = try Lab(["--vms", "3"], name: "fleet")
        let machines = ["vm1", "vm2", "vm3"]
        try lab.install(on: machines)
        for machine in machines { try lab.waitForGreen(machine) }
        let well = try lab.command("check")
        XCTAssertEqual(well.status, 0, well.output + well.errors)
        try lab.run("fault", "dnsmasq-stopped", "on", "vm2")
        let broken = try lab.command("check")
        XCTAssertEqual(broken.status, 1, broken.output + broken.errors)
        let group = broken.output.components(separatedBy: "\n").filter { $0.contains("MX0406") }
        XCTAssertTrue(group.contains { $0.contains("vm2") || broken.output.contains("vm2") }, broken.output)
        print(broken.output)
    }
}
