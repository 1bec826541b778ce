/// Puts lines together from pieces as they come in; a line beyond the limit ends the reading.
public struct LineReader {
    /// A line was longer than allowed.
    public struct TooLong: Error {}

    private let limit: Int
    private var pending: [UInt8] = []

    /// Creates a reader of lines up to a limit in bytes.
    public init(limit: Int) { self.limit = limit }

    /// The lines that the piece completes, without their ends.
    public mutating func lines(adding piece: UnsafeRawBufferPointer) throws(TooLong) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var rest = piece[...]
        while let end = rest.firstIndex(of: 0x0a) {
            pending.append(contentsOf: rest[..<end])
            guard pending.count <= limit else { throw TooLong() }
            lines.append(pending)
            pending = []
            rest = rest[(end + 1)...]
        }
        pending.append(contentsOf: rest)
        guard pending.count <= limit else { throw TooLong() }
        return lines
    }
}
