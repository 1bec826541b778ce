import MeshContract
import Platform

extension Value {
    /// A text, or null for none.
    static func text(orNull text: String?) -> Value { text.map { .text($0) } ?? .null }
    /// A number of any integer type, or null for none.
    static func integer(_ number: (some BinaryInteger)?) -> Value {
        number.map { .integer(Int64(clamping: $0)) } ?? .null
    }
    /// A list of texts.
    static func texts(_ texts: some Sequence<String>) -> Value { .list(texts.map { .text($0) }) }
    /// A map to texts.
    static func textMap(_ texts: [String: String]) -> Value { .map(texts.mapValues { .text($0) }) }
    /// A duration of nanoseconds.
    static func nanoseconds(_ nanoseconds: Int64) -> Value { .duration(GoDuration(nanoseconds: nanoseconds)) }
    /// A duration, or null for none.
    static func duration(of duration: Duration) -> Value { .duration(GoDuration(duration)) }
}

extension Duration {
    /// From nanoseconds of a monotonic clock.
    static func since(_ start: UInt64) -> Duration { .nanoseconds(Int64(clamping: MonotonicTime.now &- start)) }
}
