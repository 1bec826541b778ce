/// Names with ranges, as in Ansible's inventories: `web[01:10].example.com`, `db-[a:f]`, `[0:8:2]`.
enum HostRange {
    /// Why a range cannot be read.
    struct Problem: Error {
        var expected: String
    }

    /// Names that one pattern may stand for.
    static let limit = 10_000

    /// All names that a pattern stands for, in order; several ranges multiply.
    static func expand(_ pattern: String) throws(Problem) -> [String] {
        try expand(Array(pattern.utf8)[...]).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func expand(_ bytes: ArraySlice<UInt8>) throws(Problem) -> [[UInt8]] {
        guard let open = bytes.firstIndex(of: UInt8(ascii: "[")) else { return [Array(bytes)] }
        guard let close = bytes[open...].firstIndex(of: UInt8(ascii: "]")) else {
            throw Problem(expected: "a ']' after the range")
        }
        let heads = try values(bytes[(open + 1)..<close])
        let tails = try expand(bytes[(close + 1)...])
        guard heads.count * tails.count <= limit else { throw Problem(expected: "at most \(limit) machines") }
        let front = Array(bytes[..<open])
        return heads.flatMap { head in tails.map { front + head + $0 } }
    }

    /// `begin:end[:step]`, both ends included.
    private static func values(_ range: ArraySlice<UInt8>) throws(Problem) -> [[UInt8]] {
        let parts = range.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3 else {
            throw Problem(expected: "a range 'first:last' or 'first:last:step'")
        }
        guard let step = parts.count == 3 ? number(parts[2]) : 1, step > 0 else {
            throw Problem(expected: "a step of 1 or more")
        }
        let first = parts[0].isEmpty ? [UInt8(ascii: "0")][...] : parts[0]
        if let low = number(first), let high = number(parts[1]) {
            // A leading zero gives the width, and both ends have to have it.
            let width = first.count > 1 && first.first == UInt8(ascii: "0") ? first.count : 0
            guard width == 0 || parts[1].count == width else {
                throw Problem(expected: "ends of the same width, such as 01:10")
            }
            guard low <= high else { throw Problem(expected: "a first number that is not above the last") }
            guard (high - low) / step < limit else { throw Problem(expected: "at most \(limit) machines") }
            return stride(from: low, through: high, by: step).map { value in
                let digits = Array(String(value).utf8)
                return [UInt8](repeating: UInt8(ascii: "0"), count: max(0, width - digits.count)) + digits
            }
        }
        guard first.count == 1, parts[1].count == 1, let low = first.first, let high = parts[1].first,
            isLetter(low), isLetter(high), low <= high
        else { throw Problem(expected: "two numbers or two letters, the lower one first") }
        return stride(from: Int(low), through: Int(high), by: step).map { [UInt8($0)] }.filter { isLetter($0[0]) }
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.count <= 9,
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
}
