import Foundation
import Synchronization
import TestSupport
import XCTest

/// One fault at a time on a healthy machine: meshcheck names it, and only it, and after mending all is well again.
final class FaultTests: XCTestCase {
    /// How long a fault may stay unnamed, and how long a machine may take to be well again.
    private static let patience: Duration = .seconds(90)

    /// How often remedies are followed: what one takes out of the way may have hidden another.
    private static let rounds = 3

    /// How many faults a run of CI tries; all of them take hours.
    private static let sampleSize = 30

    private static let table = repositoryRoot + "/docs/faults.md"

    /// FAULTS=name,name… runs some of them; CI=true a sample of those that docs/faults.md has, which FAULT_SEED chooses;
    /// RECORD=1 puts what was right into docs/faults.md, and RECORD=missing runs those that it does not have yet.
    func testEveryFaultIsNamed() throws {
        let lab = try Lab(["--vms", "3"], name: "faults")
        let machines = ["vm1", "vm2", "vm3"]
        try lab.install(on: machines)
        for machine in machines { try lab.waitForGreen(machine) }
        let all = try LabFault.all()
        let faults = try Self.chosen(of: all)
        XCTAssertFalse(faults.isEmpty)

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
        try compareWithTable(rows, all)
    }

    private static func chosen(of all: [LabFault]) throws -> [LabFault] {
        let environment = ProcessInfo.processInfo.environment
        if let names = environment["FAULTS"].map({ Set($0.components(separatedBy: ",")) }) {
            return all.filter { names.contains($0.name) }
        }
        let recorded = try recordedRows()
        if environment["RECORD"] == "missing" { return all.filter { recorded[$0.name] == nil } }
        guard environment["CI"] == "true", environment["RECORD"] == nil else { return all }
        let known = all.filter { recorded[$0.name] != nil }
        let seed = environment["FAULT_SEED"].flatMap(UInt64.init) ?? 1
        print("FAULT_SEED=\(seed) chooses \(min(sampleSize, known.count)) of \(known.count) recorded faults")
        var random = SeededGenerator(seed: seed)
        let chosen = Set(known.indices.shuffled(using: &random).prefix(sampleSize))
        return known.indices.filter(chosen.contains).map { known[$0] }
    }

    /// The lines of the table by the names of the faults.
    private static func recordedRows() throws -> [String: String] {
        var rows: [String: String] = [:]
        for line in try String(contentsOfFile: table, encoding: .utf8).components(separatedBy: "\n") {
            let cells = line.components(separatedBy: " | ")
            if line.hasPrefix("| "), cells.count > 4 { rows[String(cells[0].dropFirst(2))] = line }
        }
        return rows
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
            if fault.codes.isEmpty {
                // What was restarted for it takes a moment; then nothing may be wrong, however often one looks.
                report = try lab.green(machine, within: patience)
                for _ in 0..<2 where report.isGreen { report = try lab.report(machine) }
            }
            // Services take a moment to fail; until then there is nothing, or something that did not answer.
            while !fault.codes.isEmpty, report.codes != fault.codes, clock.now - began < patience {
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
            var transcript = ""
            var round = 0
            while fault.isRemedied, row.mended == nil, round < rounds {
                round += 1
                for command in report.diagnoses.filter({ !LabReport.always.contains($0.code) }).flatMap(\.remedy) {
                    let result = try lab.on(
                        "timeout 120 bash <<'END_OF_COMMAND'\n\(command)\nEND_OF_COMMAND", machine: machine)
                    transcript += "$ \(command)\n\(result.output)\(result.errors)"
                }
                report = try lab.green(machine, within: round == rounds ? patience : patience / 2)
                if report.isGreen { row.mended = clock.now - mending }
            }
            if fault.isRemedied, row.mended == nil {
                row.trouble += "after the remedy: \(report.story)\n\(transcript)\n"
            }
            // What the remedy has done already cannot be undone once more.
            let whole = try lab.command("fault", fault.name, "off", machine)
            if whole.status != 0, row.mended == nil { row.trouble += "off: \(whole.output)\(whole.errors)\n" }
            report = try lab.green(machine, within: patience)
            if !report.isGreen {
                row.trouble += "after undoing it: \(report.story)\n"
            } else if row.mended == nil, !fault.isRemedied {
                row.mended = clock.now - mending
            }
        } catch {
            row.trouble += "\(error)"
        }
        // Not kept back in a buffer: the last row is far away.
        FileHandle.standardOutput.write(Data((row.line + "\n").utf8))
        return row
    }

    /// The table of the documents has no other codes than the faults have today. It is written piece by piece, since all
    /// faults take hours: a row is from the last run in which the fault was named and the machine recovered.
    private func compareWithTable(_ rows: [FaultRow], _ all: [LabFault]) throws {
        var recorded = try Self.recordedRows()
        if ProcessInfo.processInfo.environment["RECORD"] != nil {
            for row in rows { recorded[row.fault.name] = row.isRight ? row.line : nil }
            let missing = all.map(\.name).filter { recorded[$0] == nil }
            // What people have written below the table stays.
            let former = try String(contentsOfFile: Self.table, encoding: .utf8)
            let others = former.range(of: "\n## ").map { String(former[$0.lowerBound...]) } ?? ""
            let text = """
                # Faults

                Each fault was made by `Scripts/lab fault NAME on` on a healthy machine of the lab, one at a time; `meshcheck run`
                then gave the codes of the fourth column and no others. Where the remedy is "as printed", its commands were run
                on the machine as the report has them; the others need a file, a decision or a step in the cluster, and the fault
                was undone by `Scripts/lab fault NAME off`. Every check was green again afterwards. Written by
                `RECORD=1 Scripts/test --filter FaultTests` (all, or those that `FAULTS=NAME,…` names; `RECORD=missing` for those
                without a row). Times are from the fault (or its remedy) to the end of the report that showed it, on a machine
                with \(ProcessInfo.processInfo.processorCount) processors that runs three machines at once, often beside other work.

                | fault | what happens | expected | given | detected | remedy | well again |
                | --- | --- | --- | --- | --- | --- | --- |
                \(all.compactMap { recorded[$0.name] }.joined(separator: "\n"))

                Faults of the lab without a row, because they were not named as expected in their last run, or not run:
                \(missing.isEmpty ? "none" : missing.map { "`\($0)`" }.joined(separator: ", ")).

                """
            try (text + others).write(toFile: Self.table, atomically: true, encoding: .utf8)
        }
        for fault in all {
            guard let cells = recorded[fault.name]?.components(separatedBy: " | ") else { continue }
            XCTAssertEqual(cells[2], fault.codes.isEmpty ? "green" : fault.codes.joined(separator: ", "), fault.name)
        }
    }
}
