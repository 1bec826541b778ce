import Foundation
import TestSupport
import XCTest

/// A fault that Scripts/lab can make, and what meshcheck has to say of it.
struct LabFault: Sendable {
    /// Its name in `Scripts/lab fault`.
    let name: String
    /// Whether it is one of the control plane, which all machines share.
    let isOfCluster: Bool
    /// The codes that meshcheck gives, the first one first, and no others; none for what must stay green.
    let codes: [String]
    /// Whether the remedy that is printed makes the machine well, run as it is.
    let isRemedied: Bool
    /// What goes wrong.
    let words: String

    /// All that there are.
    static func all() throws -> [LabFault] {
        let listing = try TestSupport.run(repositoryRoot + "/Scripts/lab", ["fault", "list"])
        XCTAssertEqual(listing.status, 0, listing.errors)
        return listing.output.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\t").map(String.init)
            guard fields.count == 5 else { return nil }
            return LabFault(
                name: fields[0], isOfCluster: fields[1] == "cluster",
                codes: fields[2] == "-" ? [] : fields[2].split(separator: "+").map(String.init),
                isRemedied: fields[3] == "printed" && fields[2] != "-",
                words: fields[4])
        }
    }
}

/// What became of a fault in a run.
struct FaultRow: Sendable {
    let fault: LabFault
    /// The codes of the first report that gave any.
    var given: [String] = []
    /// From the fault to the end of the report that names it.
    var detected: Duration?
    /// From the remedy, or from undoing the fault, to the report without a failure.
    var mended: Duration?
    /// What went wrong in the test itself.
    var trouble = ""

    /// Whether meshcheck reported exactly the expected codes, and the machine recovered.
    var isRight: Bool { trouble.isEmpty && given == fault.codes && detected != nil && mended != nil }

    /// The line of the table.
    var line: String {
        func seconds(_ duration: Duration?) -> String {
            duration.map {
                String(format: "%.1f s", Double($0.components.seconds) + Double($0.components.attoseconds) / 1e18)
            }
                ?? "never"
        }
        func list(_ codes: [String]) -> String { codes.isEmpty ? "green" : codes.joined(separator: ", ") }
        let remedy = fault.codes.isEmpty ? "none needed" : fault.isRemedied ? "as printed" : "by hand"
        return
            "| \(fault.name) | \(fault.words) | \(list(fault.codes)) | \(list(given)) | \(seconds(detected)) | \(remedy) | "
            + "\(seconds(mended)) |"
    }
}

/// The part of meshcheck's report that says what is wrong.
struct LabReport: Decodable {
    struct Diagnosis: Decodable {
        let code: String
        let severity: String
        let evidence: [String]
        let remedy: [String]
        let checks: [String]
    }
    struct Summary: Decodable {
        let verdict: String
        let passed: Int
        let failed: Int
        let errors: Int
    }
    let diagnoses: [Diagnosis]
    let summary: Summary

    /// What is so on every machine of the lab: the provider knows no names of the world, and no clock of the world is
    /// reached.
    static let always: Set = ["MX0414", "MX0621"]

    /// The codes of causes beside those, and without what is only worth knowing.
    var codes: [String] { diagnoses.filter { $0.severity != "info" && !Self.always.contains($0.code) }.map(\.code) }

    /// Whether nothing is wrong.
    var isGreen: Bool { summary.verdict == "passed" && codes.isEmpty }

    /// What was seen, for messages.
    var story: String { diagnoses.map { "\($0.code) \($0.evidence) \($0.checks)" }.joined(separator: "\n") }
}
