import HostProbes
import MeshContract
import Platform

/// The small arithmetic of operands: `now-10m`, `2026-01-01T00:00:00Z+30d`, `50% of 1h`.
enum OperandText {
    /// The value as the type, or what is wrong with it.
    static func value(_ value: Value, as type: ValueType, now: Int64) throws(ShapeError) -> Value {
        guard case .text(let text) = value else { return try Coercion.value(value, as: type) }
        switch type {
        case .time: return .time(try moment(text, now: now))
        case .duration, .number, .integer:
            guard let (percent, rest) = share(text) else { return try Coercion.value(value, as: type) }
            switch try Coercion.value(.text(rest), as: type) {
            case .duration(let duration):
                return .duration(GoDuration(nanoseconds: Int64(Double(duration.nanoseconds) * percent / 100)))
            case .number(let number): return .number(number * percent / 100)
            case .integer(let number): return .number(Double(number) * percent / 100)
            case let other: return other
            }
        default: return try Coercion.value(value, as: type)
        }
    }

    /// `50% of REST`.
    private static func share(_ text: String) -> (percent: Double, rest: String)? {
        let bytes = text.utf8
        guard let mark = bytes.firstIndex(of: UInt8(ascii: "%")),
            let percent = ScalarText.number(String(decoding: bytes[..<mark], as: UTF8.self)),
            (0...1_000_000).contains(percent)
        else { return nil }
        let rest = bytes[bytes.index(after: mark)...]
        guard rest.starts(with: " of ".utf8) else { return nil }
        return (percent, String(decoding: rest.dropFirst(4), as: UTF8.self))
    }

    /// `now` or a moment of RFC 3339, and durations added to it or taken from it.
    private static func moment(_ text: String, now: Int64) throws(ShapeError) -> Int64 {
        let blank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") }
        let bytes = text.utf8.filter { !blank($0) }
        let word = Array("now".utf8)
        // A moment has `+` and `-` of its own: its end is that of the offset or the Z.
        var rest: ArraySlice<UInt8>
        var moment: Int64
        if bytes.starts(with: word) {
            moment = now
            rest = bytes[word.count...]
        } else {
            let end = endOfMoment(bytes)
            guard let value = RFC3339.nanoseconds(String(decoding: bytes[..<end], as: UTF8.self)) else {
                throw fault(text)
            }
            moment = value
            rest = bytes[end...]
        }
        while let sign = rest.popFirst() {
            guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { throw fault(text) }
            let term = rest.prefix { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }
            rest = rest.dropFirst(term.count)
            guard let duration = DurationText.parse(String(decoding: term, as: UTF8.self)) else { throw fault(text) }
            let sum =
                sign == UInt8(ascii: "+")
                ? moment.addingReportingOverflow(duration.nanoseconds)
                : moment.subtractingReportingOverflow(duration.nanoseconds)
            guard !sum.overflow else { throw fault(text) }
            moment = sum.partialValue
        }
        return moment
    }

    private static func endOfMoment(_ bytes: [UInt8]) -> Int {
        if let end = bytes.firstIndex(where: { $0 == UInt8(ascii: "Z") || $0 == UInt8(ascii: "z") }) { return end + 1 }
        // 2026-11-23T05:00:00 is 19 bytes long, an offset 6 more.
        guard bytes.count > 19, let sign = bytes[19...].firstIndex(where: { "+-".utf8.contains($0) }) else {
            return bytes.count
        }
        return min(bytes.count, sign + 6)
    }

    private static func fault(_ text: String) -> ShapeError {
        ShapeError(
            "expected a time, found '\(ValueText.shortened(text))'",
            help: "write it as now, now+30d, now-1h30m or 2026-11-23T05:00:00Z; every duration needs its unit")
    }
}
