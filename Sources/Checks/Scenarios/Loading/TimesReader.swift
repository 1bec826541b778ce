import HostProbes
import MeshContract
import Platform
import Documents

/// Reads the time limits of checks.
struct TimesReader {
    let expressions: ExpressionReader

    private static let longest = Duration.seconds(86_400)
    private static let shortest = Duration.milliseconds(1)

    /// The time limit of one look.
    func timeout(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> Duration? {
        duration(node, in: Self.shortest...Duration.seconds(3600), &diagnostics)
    }

    /// `{within: 10s, every: 1s}`.
    func eventually(_ node: YAMLNode, _ diagnostics: inout Diagnostics) -> Eventually? {
        guard let pairs = MappingReader.pairs(node, "a mapping such as {within: 10s, every: 1s}", &diagnostics) else {
            return nil
        }
        var within: Duration?
        var every = Duration.seconds(1)
        for pair in pairs {
            switch EventuallyKey(rawValue: pair.key.scalarText ?? "") {
            case .within: within = duration(pair.value, in: Self.shortest...Self.longest, &diagnostics)
            case .every:
                every = duration(pair.value, in: .milliseconds(10)...Self.longest, &diagnostics) ?? every
            case nil:
                MappingReader.reportUnknown(pair.key, among: EventuallyKey.allCases.map(\.rawValue), &diagnostics)
            }
        }
        if node[pair: EventuallyKey.within.rawValue] == nil {
            diagnostics.error(
                "missing-key", "key 'within' is missing", at: node.range,
                help: "how long it may take: {within: 10s, every: 1s}")
        }
        if let within, every >= within, let pair = node[pair: EventuallyKey.every.rawValue] {
            diagnostics.error(
                "eventually", "nothing would be looked at again: 'every' is not shorter than 'within'",
                at: pair.value.range, help: "write a shorter pause, such as every: \(GoDuration(within / 10))")
            return nil
        }
        return within.map { Eventually(within: $0, every: every) }
    }

    private func duration(
        _ node: YAMLNode, in bounds: ClosedRange<Duration>, _ diagnostics: inout Diagnostics
    ) -> Duration? {
        var reader = expressions
        guard let value = reader.value(node, as: .duration, &diagnostics), case .duration(let found) = value else {
            if let (name, reason) = reader.missing.first {
                diagnostics.error(
                    "missing-fact", "this machine has no '\(name)': \(reason)", at: node.range,
                    help: "give a default: ${\(name):-5s}")
            }
            return nil
        }
        guard bounds.contains(found.duration) else {
            diagnostics.error(
                "duration",
                "expected a duration from \(GoDuration(bounds.lowerBound)) to "
                    + "\(GoDuration(bounds.upperBound)), found '\(found)'", at: node.range)
            return nil
        }
        return found.duration
    }
}
