import CLinux

/// Text of the system, as bytes: what a program prints is ASCII where it has a format.
enum Bytes {
    static let newline = UInt8(ascii: "\n")
    static let space = UInt8(ascii: " ")

    /// The lines without their ends.
    static func lines(_ bytes: some Collection<UInt8>) -> [[UInt8]] {
        var lines = bytes.split(separator: newline, omittingEmptySubsequences: false).map { Array($0) }
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    /// The words between blanks.
    static func words<Text: Collection<UInt8>>(_ bytes: Text) -> [Text.SubSequence] {
        bytes.split { $0 == space || $0 == UInt8(ascii: "\t") }
    }

    /// As text; bytes that are no UTF-8 are replaced.
    static func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    /// A number in decimal digits alone, within Int64.
    static func decimal(_ bytes: some Collection<UInt8>) -> Int64? { number(bytes, radix: 10) }

    /// A number in hexadecimal digits alone, within Int64.
    static func hexadecimal(_ bytes: some Collection<UInt8>) -> Int64? { number(bytes, radix: 16) }

    /// Without blanks and line ends at both ends.
    static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        let isBlank: (UInt8) -> Bool = { [0x20, 0x09, 0x0a, 0x0d].contains($0) }
        guard let first = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) })
        else { return [] }
        return Array(bytes[first...last])
    }

    private static func number(_ bytes: some Collection<UInt8>, radix: Int64) -> Int64? {
        guard !bytes.isEmpty else { return nil }
        var value: Int64 = 0
        for byte in bytes {
            let digit: Int64
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = Int64(byte) - 48
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = Int64(byte) - 87
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = Int64(byte) - 55
            default: return nil
            }
            guard digit < radix else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: radix)
            let (sum, carried) = product.addingReportingOverflow(digit)
            guard !overflow, !carried else { return nil }
            value = sum
        }
        return value
    }
}

extension String {
    /// Up to a number of bytes of it, for evidence; a cut is shown.
    func shortened(to limit: Int = 200) -> String {
        if utf8.count <= limit { return self }
        return String(decoding: Array(utf8.prefix(limit)), as: UTF8.self) + "…"
    }

    /// Whether it begins so, byte by byte.
    func startsBytewise(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    /// Whether it ends so, byte by byte.
    func endsBytewise(_ suffix: String) -> Bool { utf8.reversed().starts(with: suffix.utf8.reversed()) }

    /// Whether it has the bytes of a text in it.
    func containsBytewise(_ text: String) -> Bool {
        let whole = Array(utf8)
        let part = Array(text.utf8)
        if part.isEmpty { return true }
        return whole.withUnsafeBytes { whole in
            part.withUnsafeBytes { part in
                clinux_find(whole.baseAddress, whole.count, part.baseAddress, part.count) != nil
            }
        }
    }
}
