import DebianArchive
import Platform

/// One thing that lint looks for: a pure function of a package, with a code that is never reused.
public struct LintRule: Sendable {
    /// `DB` and four digits, the first two the group: 01 control data, 02 entries and modes, 03 maintainer scripts,
    /// 04 units, 05 ELF, 06 archive format; rules from outside have groups of their own.
    public let code: String
    /// How much its findings matter.
    public let severity: LintSeverity
    /// The fault in a few words.
    public let summary: String
    /// What to do, in the imperative.
    public let remedy: String
    /// Where it is written down.
    public let reference: String
    /// What the reader refuses for the same reason; such a package has no image that rules could look at.
    let readErrors: Set<DebReadError.Code>
    private let check: @Sendable (LintedPackage) -> [Observation]

    /// What a rule saw; the rule itself knows the rest of the finding.
    public struct Observation: Sendable, Hashable {
        /// A path, a control field, a script.
        public var subject: String
        /// The fault with what was found.
        public var message: String
        /// A remedy that knows more than the rule's own.
        public var remedy: String?

        /// Creates an observation.
        public init(_ subject: String, _ message: String, remedy: String? = nil) {
            self.subject = subject
            self.message = message
            self.remedy = remedy
        }
    }

    /// Creates a rule.
    public init(
        _ code: String, _ severity: LintSeverity, _ summary: String, remedy: String, reference: String,
        check: @escaping @Sendable (LintedPackage) -> [Observation]
    ) {
        self.code = code
        self.severity = severity
        self.summary = summary
        self.remedy = remedy
        self.reference = reference
        self.check = check
        readErrors = []
    }

    /// A rule for what stops the reader.
    init(reading code: String, _ summary: String, remedy: String, reference: String, errors: Set<DebReadError.Code>) {
        self.code = code
        severity = .error
        self.summary = summary
        self.remedy = remedy
        self.reference = reference
        check = { _ in [] }
        readErrors = errors
    }

    /// The maximum number of findings of one rule in one package; the rest is counted.
    static let findingLimit = 100

    /// The findings in one package, texts made safe to print.
    func findings(in subject: LintedPackage) -> [LintFinding] {
        let observations = check(subject)
        var findings = observations.prefix(Self.findingLimit).map(finding)
        if observations.count > findings.count {
            let rest = observations.count - findings.count
            findings.append(finding(Observation("\(subject.name)", "the same holds \(rest) times more")))
        }
        return findings
    }

    /// The finding that stands for an error of the reader.
    func finding(for error: DebReadError) -> LintFinding {
        finding(
            Observation(error.subject, "\(error.operation): expected \(error.expected), found \(error.found)"))
    }

    private func finding(_ observation: Observation) -> LintFinding {
        LintFinding(
            code: code, severity: severity, subject: DisplayText.inline(observation.subject),
            message: DisplayText.inline(observation.message), remedy: DisplayText.inline(observation.remedy ?? remedy),
            reference: reference)
    }
}

/// How much a finding matters.
public enum LintSeverity: String, Sendable, Hashable, CaseIterable, Comparable {
    /// The package cannot be installed, or does harm or nothing useful once it is.
    case error
    /// The package works, but somebody will suffer from it.
    case warning
    /// Worth knowing.
    case info

    /// An error comes before a warning, a warning before information.
    public static func < (left: LintSeverity, right: LintSeverity) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .error: 0
        case .warning: 1
        case .info: 2
        }
    }
}

/// One fault that lint found in a package.
public struct LintFinding: Sendable, Hashable {
    /// The rule's stable code, such as `DB0101`.
    public var code: String
    /// How much it matters.
    public var severity: LintSeverity
    /// What it is about: a path, a control field, a script. Safe to print.
    public var subject: String
    /// The fault in lower case, with what was found. Safe to print.
    public var message: String
    /// What to do, in the imperative.
    public var remedy: String
    /// Where it is written down.
    public var reference: String

    /// Creates a finding.
    public init(
        code: String, severity: LintSeverity, subject: String, message: String, remedy: String, reference: String
    ) {
        self.code = code
        self.severity = severity
        self.subject = subject
        self.message = message
        self.remedy = remedy
        self.reference = reference
    }
}
