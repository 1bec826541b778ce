/// The catalogue of lint rules, printed by `debbuild lint --list`.
public enum LintRules {
    /// All rules, ordered by code.
    public static let all: [LintRule] = [
        ControlFieldRules.all, RelationRules.all, ControlFileRules.all, DocumentationRules.all,
        EntryModeRules.all, EntryPathRules.all, LinkRules.all,
        ScriptRules.all, ScriptActionRules.all, ServiceScriptRules.all,
        UnitRules.all, ELFRules.all, ArchiveFormatRules.all,
        MeshPackageRules.all, MeshServiceRules.all, MeshScriptRules.all,
    ].flatMap { $0 }.sorted { $0.code < $1.code }

    /// The rule with a code.
    public static func rule(_ code: String) -> LintRule? { all.first { $0.code == code } }
}

/// Applies the rules to packages.
public enum Linter {
    /// The findings in a package, worst first, then by code and subject.
    ///
    /// - Parameter latestTime: seconds since 1970 that no modification time may exceed, such as SOURCE_DATE_EPOCH or
    ///   the present; nil leaves only the package's own bounds.
    public static func findings(in image: PackageImage, latestTime: Int64? = nil) -> [LintFinding] {
        let subject = LintSubject(image, latestTime: latestTime)
        var seen: Set<LintFinding> = []
        return LintRules.all.flatMap { $0.findings(in: subject) }.filter { seen.insert($0).inserted }.sorted(
            by: precedes)
    }

    /// The findings in a file; one that cannot be read as a package is a finding of its own.
    ///
    /// - Throws: ``DebReadError`` with the code `unreadable` where the fault is the machine's and not the package's.
    public static func findings(
        inFile path: String, limits: DebReadLimits = DebReadLimits(), latestTime: Int64? = nil
    ) throws(DebReadError) -> [LintFinding] {
        do throws(DebReadError) {
            return findings(in: try DebReader.read(path, limits: limits), latestTime: latestTime)
        } catch {
            guard let rule = LintRules.all.first(where: { $0.readErrors.contains(error.code) }) else { throw error }
            return [rule.finding(for: error)]
        }
    }

    private static func precedes(_ left: LintFinding, _ right: LintFinding) -> Bool {
        (left.severity, left.code, left.subject, left.message)
            < (right.severity, right.code, right.subject, right.message)
    }
}
