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
    private let check: @Sendable (LintedPackage, inout Observations) -> Void

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

    /// What one rule saw in one package: the first observations, and how many there are.
    public struct Observations: Sendable {
        /// The maximum number that is kept; the rest is counted.
        public static let limit = 100
        /// The first ones.
        public private(set) var first: [Observation] = []
        /// The number of all.
        public private(set) var count = 0

        /// Adds one. Its texts are made only if it is one of the first: a package may have a quarter of a million files, each
        /// with the same fault.
        public mutating func add(
            _ subject: @autoclosure () -> String, _ message: @autoclosure () -> String,
            remedy: @autoclosure () -> String? = nil
        ) {
            count += 1
            if first.count < Self.limit { first.append(Observation(subject(), message(), remedy: remedy())) }
        }
    }

    /// Creates a rule that makes few observations, whatever the package.
    public init(
        _ code: String, _ severity: LintSeverity, _ summary: String, remedy: String, reference: String,
        check: @escaping @Sendable (LintedPackage) -> [Observation]
    ) {
        self.init(code, severity, summary, remedy: remedy, reference: reference) { subject, found in
            for item in check(subject) { found.add(item.subject, item.message, remedy: item.remedy) }
        }
    }

    /// Creates a rule that adds what it sees one by one.
    public init(
        _ code: String, _ severity: LintSeverity, _ summary: String, remedy: String, reference: String,
        counting check: @escaping @Sendable (LintedPackage, inout Observations) -> Void
    ) {
        self.code = code
        self.severity = severity
        self.summary = summary
        self.remedy = remedy
        self.reference = reference
        self.check = check
        readErrors = []
    }

    /// Creates a rule about single entries of `data.tar`.
    ///
    /// - Parameters:
    ///   - isAtFault: whether an entry breaks the rule.
    ///   - message: what is then said about it.
    public init(
        _ code: String, _ severity: LintSeverity, _ summary: String, remedy: String, reference: String,
        entries isAtFault: @escaping @Sendable (ImageEntry, LintedPackage) -> Bool,
        message: @escaping @Sendable (ImageEntry) -> String
    ) {
        self.init(code, severity, summary, remedy: remedy, reference: reference) { subject, found in
            for index in subject.image.entries.indices where isAtFault(subject.image.entries[index], subject) {
                found.add(subject.image.entries[index].path, message(subject.image.entries[index]))
            }
        }
    }

    /// A rule for what stops the reader.
    init(reading code: String, _ summary: String, remedy: String, reference: String, errors: Set<DebReadError.Code>) {
        self.code = code
        severity = .error
        self.summary = summary
        self.remedy = remedy
        self.reference = reference
        check = { _, _ in }
        readErrors = errors
    }

    /// The findings in one package, texts made safe to print; the last one stands for those that are only counted.
    func findings(in subject: LintedPackage) -> [LintFinding] {
        var observations = Observations()
        check(subject, &observations)
        var findings = observations.first.map(finding)
        let rest = observations.count - findings.count
        if rest > 0 {
            var last = finding(Observation("\(subject.name)", "the same holds \(rest) times more"))
            last.count = rest
            findings.append(last)
        }
        return findings
    }

    /// The finding that stands for an error of the reader.
    func finding(for error: DebReadError) -> LintFinding {
        finding(
            Observation(error.subject, "\(error.operation): expected \(error.expected), found \(error.found)"))
    }

    private func finding(_ observation: Observation) -> LintFinding {
        func shown(_ text: String) -> String { DisplayText.inline(DisplayText.shortened(text, to: Self.textLimit)) }
        return LintFinding(
            code: code, severity: severity, subject: shown(observation.subject), message: shown(observation.message),
            remedy: shown(observation.remedy ?? remedy), reference: reference)
    }

    /// Characters of a text in a finding: a hundred of them may quote a path or a line of a script each.
    private static let textLimit = 5000
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
    /// How many faults it stands for: more than one where a rule has found so many that the rest is only counted.
    public var count = 1

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
