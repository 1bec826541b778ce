/// Numbers in ASCII digits: what `Int(_:)` takes beside them, such as a sign, is no number in the formats read here.
enum ASCIINumber {
    /// A decimal number without leading zeros, in bounds.
    static func decimal(_ bytes: some Collection<UInt8>, in bounds: ClosedRange<Int>) -> Int? {
        guard (1...10).contains(bytes.count), bytes.count == 1 || bytes.first != UInt8(ascii: "0") else { return nil }
        var value = 0
        for byte in bytes {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return bounds.contains(value) ? value : nil
    }

    /// Up to four hexadecimal digits of either case.
    static func hexadecimal(_ bytes: some Collection<UInt8>) -> UInt16? {
        guard (1...4).contains(bytes.count) else { return nil }
        var value: UInt16 = 0
        for byte in bytes {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}
