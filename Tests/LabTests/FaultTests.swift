import Foundation
import Synchronization
import TestSupport
import XCTest

/// One fault at a time on a healthy machine: meshcheck names it, and only it, and after mending all is well again.
final class FaultTests: XCTestCase {
    /// How long a fault may stay unnamed, and how long a machine may take to be well again.
    private static let patience: Duration = .seconds(90)

    /// FAULTS=name,name… runs some of them; RECORD=1 writes docs/faults.md.
    func testEveryFaultIsNamed() throws {
        let lab = try Lab(["--vms", "3"], name: "faults")
        let machines = ["vm1", "vm2", "vm3"]
        try lab.install(on: machines)
        for machine in machines { try lab.waitForGreen(machine) }
        let wanted = ProcessInfo.processInfo.environment["FAULTS"].map { Set($0.components(separatedBy: ",")) }
        let faults = try LabFault.all().filter { wanted?.contains($0.name) ?? true }
        XCTAssertGreaterThanOrEqual(faults.count, wanted == nil ? 30 : 1)

        // What all machines share is broken with nobody else at work.
        var rows = faults.filter(\.isOfCluster).map { Self.tried($0, on: "vm1", lab) }
        let waiting = Mutex(faults.filter { !$0.isOfCluster })
        let ended = Mutex([FaultRow]())
        DispatchQueue.concurrentPerform(iterations: machines.count) { number in
            while let fault = waiting.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
                let row = Self.tried(fault, on: machines[number], lab)
                ended.withLock { $0.append(row) }
            }
        }
        rows += ended.withLock { $0 }
        let places = Dictionary(uniqueKeysWithValues: faults.enumerated().map { ($0.element.name, $0.offset) })
        rows.sort { (places[$0.fault.name] ?? 0) < (places[$1.fault.name] ?? 0) }
        for row in rows {
            XCTAssertEqual(row.trouble, "", row.fault.name)
            XCTAssertEqual(row.given, row.fault.codes, row.fault.name)
            XCTAssertNotNil(row.detected, "\(row.fault.name) was not named")
            XCTAssertNotNil(row.mended, "\(row.fault.name): the machine was not well again")
        }
        if wanted == nil { try compareWithTable(rows) }
    }

    /// Breaks, looks, mends and looks again.
    private static func tried(_ fault: LabFault, on machine: String, _ lab: Lab) -> FaultRow {
        var row = FaultRow(fault: fault)
        do {
            let clock = ContinuousClock()
            let began = clock.now
            let broken = try lab.command("fault", fault.name, "on", machine)
            if broken.status != 0 { row.trouble += "on: \(broken.output)\(broken.errors)\n" }
            var report = try lab.report(machine)
            // Services take a moment to fail; until then there is nothing, or something that did not answer.
            while report.codes != fault.codes, clock.now - began < patience {
                if let first = report.codes.first, !["MX0001", "MX0002"].contains(first), first != fault.codes.first {
                    break
                }
                report = try lab.report(machine)
            }
            row.given = report.codes
            if report.codes == fault.codes {
                row.detected = clock.now - began
            } else {
                row.trouble += report.story + "\n"
            }
            let mending = clock.now
            let whole = try lab.command("fault", fault.name, "off", machine)
            if whole.status != 0 { row.trouble += "off: \(whole.output)\(whole.errors)\n" }
            report = try lab.report(machine)
            while !report.isGreen, clock.now - mending < patience { report = try lab.report(machine) }
            if report.isGreen {
                row.mended = clock.now - mending
            } else {
                row.trouble += "after mending: \(report.story)\n"
            }
        } catch {
            row.trouble += "\(error)"
        }
        print(row.line)
        return row
    }

    /// The table of the documents has these faults with these codes; its times are those of the machine that wrote it.
    private func compareWithTable(_ rows: [FaultRow]) throws {
        let path = repositoryRoot + "/docs/faults.md"
        let text = """
            # Faults

            Each fault was made by `Scripts/lab fault NAME on` on a healthy machine of the lab, one at a time; `meshcheck run`
            then gave the codes of the fourth column and no others, and after `Scripts/lab fault NAME off` every check was
            green again. Written by `RECORD=1 Scripts/test --filter FaultTests`; a fault that is named wrongly fails that test.
            Times are from the fault (or its mending) to the end of the report that showed it, on a machine with
            \(ProcessInfo.processInfo.processorCount) processors that runs three machines at once.

            | fault | what happens | expected | given | detected | well again |
            | --- | --- | --- | --- | --- | --- |
            \(rows.map(\.line).joined(separator: "\n"))

            """
        if ProcessInfo.processInfo.environment["RECORD"] == "1" {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        func known(_ text: String) -> [String] {
            text.components(separatedBy: "\n").filter { $0.contains("| MX") }.map {
                $0.components(separatedBy: " | ").prefix(4).joined(separator: " | ")
            }
        }
        XCTAssertEqual(known(text), known(try String(contentsOfFile: path, encoding: .utf8)))
    }
}
