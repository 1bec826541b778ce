import DebianArchive
import DebianFormat
import Documents

/// The rules that packages are checked against: Debian's, and whatever a program adds to them.
public struct LintRegistry: Sendable {
    /// All rules, ordered by code.
    public let rules: [LintRule]
    /// Packages whose files rules may rely on though they are not at hand.
    public let knownPackages: [KnownPackage]

    /// Puts a registry together.
    public init(rules: [LintRule] = DebianRules.all, knownPackages: [KnownPackage] = []) {
        self.rules = rules.sorted { $0.code < $1.code }
        self.knownPackages = knownPackages
    }

    /// The rule with a code.
    public func rule(_ code: String) -> LintRule? { rules.first { $0.code == code } }

    /// The findings in a package, worst first, then by code and subject.
    public func findings(in image: PackageImage) -> [LintFinding] {
        let subject = LintedPackage(image, knownPackages: knownPackages)
        var seen: Set<LintFinding> = []
        return rules.flatMap { $0.findings(in: subject) }.filter { seen.insert($0).inserted }.sorted(by: Self.precedes)
    }

    /// The findings in a file; one that cannot be read as a package is a finding of its own.
    ///
    /// - Throws: ``DebReadError`` with the code `unreadable` where the fault is the machine's and not the package's.
    public func findings(
        inFile path: String, limits: DebReadLimits = DebReadLimits()
    ) throws(DebReadError) -> [LintFinding] {
        do throws(DebReadError) {
            return findings(in: try DebReader.read(path, limits: limits))
        } catch {
            guard let rule = rules.first(where: { $0.readErrors.contains(error.code) }) else { throw error }
            return [rule.finding(for: error)]
        }
    }

    private static func precedes(_ left: LintFinding, _ right: LintFinding) -> Bool {
        if left.severity != right.severity || left.code != right.code {
            return (left.severity, left.code) < (right.severity, right.code)
        }
        // What stands for the rest comes last.
        return (left.count, left.subject, left.message) < (right.count, right.subject, right.message)
    }

    // MARK: - the catalogue

    /// The catalogue for people, one line per rule.
    public var text: String {
        rules.map { rule in
            let severity = rule.severity.rawValue
            let space = String(repeating: " ", count: max(0, 8 - severity.utf8.count))
            return "\(rule.code) \(severity)\(space)\(rule.summary) (\(rule.reference))\n"
        }.joined()
    }

    /// The catalogue for programs.
    public var json: JSONValue {
        .array(
            rules.map { rule in
                .object([
                    ("code", .string(rule.code)), ("severity", .string(rule.severity.rawValue)),
                    ("summary", .string(rule.summary)), ("remedy", .string(rule.remedy)),
                    ("reference", .string(rule.reference)),
                ])
            })
    }
}
