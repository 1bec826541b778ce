import CPCRE2

/// A regular expression in Perl's syntax as PCRE2 has it (pcre2pattern(3)), matched by Unicode scalars.
///
/// `^` and `$` are the beginning and the end of the text, before a newline that ends it too, or those of its lines behind
/// `(?m)`. `.` is any character but
/// those that end a line; `\d`, `\w` and `\s` are Unicode's.
///
/// Every match ends soon, whatever the expression and the text are: the engine calls back before each item of the
/// expression, and the match is given up when the items it tried and the characters it passed are too many. There is no
/// just-in-time compilation, which would take longer than most expressions are used for.
public final class Pattern: Sendable, Hashable {
    /// The expression as it was written.
    public let source: String
    /// How many groups it has.
    public let groupCount: Int
    /// The groups that have names, with their numbers.
    public let groupNames: [String: Int]
    // Immutable once it is compiled; any number of threads may match by it (pcre2api(3), "Multithreading").
    nonisolated(unsafe) private let code: OpaquePointer

    private static let sourceLimit = 4096
    /// Items that are tried and characters that are passed in one match with a text of some bytes: some milliseconds for a
    /// line, some tenths of a second for a megabyte.
    private static func stepLimit(_ bytes: Int) -> Int { (1 << 20) + 16 * bytes }

    /// Compiles an expression.
    public init(_ source: String) throws(PatternSyntaxError) {
        guard source.utf8.count <= Self.sourceLimit else {
            throw PatternSyntaxError(
                reason: "it has \(source.utf8.count) bytes (must be <=\(Self.sourceLimit))", offset: Self.sourceLimit)
        }
        let context = pcre2_compile_context_create_8(nil)
        defer { pcre2_compile_context_free_8(context) }
        pcre2_set_newline_8(context, UInt32(PCRE2_NEWLINE_ANY))
        let options = PCRE2_UTF | PCRE2_UCP | PCRE2_NO_UTF_CHECK | PCRE2_NEVER_BACKSLASH_C
        var status: Int32 = 0
        var offset = 0
        var text = source
        let compiled = text.withUTF8 { bytes in
            // An empty text may have no address, which the library does not take.
            withUnsafePointer(to: 0) { (empty: UnsafePointer<UInt8>) in
                pcre2_compile_8(
                    bytes.baseAddress ?? empty, bytes.count, options | PCRE2_AUTO_CALLOUT, &status, &offset, context)
            }
        }
        guard let compiled else { throw PatternSyntaxError(reason: Self.message(status), offset: offset) }
        code = compiled
        self.source = source
        groupCount = Int(Self.number(PCRE2_INFO_CAPTURECOUNT, of: compiled))
        groupNames = Self.names(of: compiled)
    }

    deinit { pcre2_code_free_8(code) }

    /// The groups of the first match: the whole at 0, nil for one that took no part; nil when nothing matches.
    public func firstMatch(in text: String) throws(PatternLimitError) -> [String?]? {
        var text = text
        return try text.withUTF8 { bytes in MatchMemory.withMatch(of: code) { groups(in: bytes, $0, $1) } }.get()
    }

    private func groups(
        in bytes: UnsafeBufferPointer<UInt8>, _ match: OpaquePointer?, _ context: OpaquePointer?
    ) -> Result<[String?]?, PatternLimitError> {
        var progress = Progress(stepsLeft: Self.stepLimit(bytes.count))
        let status = withUnsafeMutablePointer(to: &progress) { progress in
            pcre2_set_callout_8(context, { Progress.advance($0, $1) }, progress)
            return withUnsafePointer(to: 0) { (empty: UnsafePointer<UInt8>) in
                pcre2_match_8(code, bytes.baseAddress ?? empty, bytes.count, 0, PCRE2_NO_UTF_CHECK, match, context)
            }
        }
        if status == PCRE2_ERROR_NOMATCH { return .success(nil) }
        guard status > 0, let places = pcre2_get_ovector_pointer_8(match) else {
            return .failure(
                PatternLimitError(
                    reason: status == PCRE2_ERROR_CALLOUT ? "it takes too many steps" : Self.message(status)))
        }
        return .success(
            (0...groupCount).map { group in
                let (start, end) = (places[2 * group], places[2 * group + 1])
                // A group that took no part is at -1; `\K` in an assertion can turn ends around.
                guard start >= 0, start <= end, end <= bytes.count else { return nil }
                return String(decoding: bytes[start..<end], as: UTF8.self)
            })
    }

    /// A text as a pattern that matches it alone.
    public static func escaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if "\\()[]{}.*+?|^$/#-".unicodeScalars.contains(scalar) { result.append("\\") }
            result.append(scalar)
        }
        return String(result)
    }

    /// Whether two were written in the same way.
    public static func == (left: Pattern, right: Pattern) -> Bool { left.source == right.source }

    /// Hashes the expression as it was written.
    public func hash(into hasher: inout Hasher) { hasher.combine(source) }

    /// How far a match has come.
    private struct Progress {
        var stepsLeft: Int
        var position = 0

        /// Counts a step; anything but 0 ends the match with that status. What happens between two calls is one walk over
        /// the text at the most, so the distance counts.
        static func advance(
            _ block: UnsafeMutablePointer<pcre2_callout_block_8>?, _ data: UnsafeMutableRawPointer?
        ) -> Int32 {
            guard let position = block?.pointee.current_position,
                let progress = data?.assumingMemoryBound(to: Progress.self)
            else { return 0 }
            progress.pointee.stepsLeft -= 1 + abs(position - progress.pointee.position)
            progress.pointee.position = position
            return progress.pointee.stepsLeft < 0 ? PCRE2_ERROR_CALLOUT : 0
        }
    }

    private static func message(_ status: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = pcre2_get_error_message_8(status, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer.prefix(Int(count)), as: UTF8.self) : "error \(status)"
    }

    private static func number(_ what: some BinaryInteger, of code: OpaquePointer) -> UInt32 {
        var value: UInt32 = 0
        pcre2_pattern_info_8(code, UInt32(what), &value)
        return value
    }

    /// The table of names: entries of one size, the number in two bytes and the name up to a zero.
    private static func names(of code: OpaquePointer) -> [String: Int] {
        var table: UnsafePointer<UInt8>?
        pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMETABLE), &table)
        let size = Int(number(PCRE2_INFO_NAMEENTRYSIZE, of: code))
        var names: [String: Int] = [:]
        for index in 0..<Int(number(PCRE2_INFO_NAMECOUNT, of: code)) {
            guard let entry = table.map({ UnsafeBufferPointer(start: $0 + index * size, count: size) }) else { break }
            names[String(decoding: entry.dropFirst(2).prefix { $0 != 0 }, as: UTF8.self)] =
                Int(entry[0]) << 8 | Int(entry[1])
        }
        return names
    }
}
