import CLinux
import Files
import Glibc
import Platform

/// Files of /proc and /sys, which have no size and may go while they are read.
package enum SystemFile {
    /// The bytes of a file, at most `limit` of them; nil when it, or the process that it is about, is gone.
    package static func read(_ path: String, limit: Int = 1 << 20) throws(ProbeError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard descriptor >= 0 else {
            if isGone(errno) { return nil }
            throw .system("read \(path)", errno: errno)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var failure: Int32 = 0
        while bytes.count < limit {
            let chunk = min(limit - bytes.count, bytes.isEmpty ? 4096 : 1 << 16)
            let more = [UInt8](unsafeUninitializedCapacity: chunk) { buffer, count in
                var got: Int
                repeat { got = Glibc.read(descriptor, buffer.baseAddress, chunk) } while got < 0 && errno == EINTR
                if got < 0 { failure = errno }
                count = max(0, got)
            }
            if failure != 0 {
                if isGone(failure) { return nil }
                throw .system("read \(path)", errno: failure)
            }
            if more.isEmpty { break }
            if bytes.isEmpty { bytes = more } else { bytes += more }
        }
        return bytes
    }

    /// The target of a link of /proc; nil when the process is gone or has none.
    package static func link(_ path: String) throws(ProbeError) -> String? {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
            let got = buffer.withMemoryRebound(to: CChar.self) { text in
                text.baseAddress.map { readlink(path, $0, text.count) } ?? -1
            }
            if got < 0 { failure = errno }
            count = max(0, got)
        }
        if failure == 0 { return String(decoding: bytes, as: UTF8.self) }
        if isGone(failure) { return nil }
        throw .system("read the link \(path)", errno: failure)
    }

    /// The names in a folder; nil when it is gone.
    package static func names(in path: String) throws(ProbeError) -> [String]? {
        guard let directory = opendir(path) else {
            if isGone(errno) { return nil }
            throw .system("list \(path)", errno: errno)
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Process ids in /proc.
    static func processIdentifiers(in path: String) throws(ProbeError) -> [Int32] {
        guard let directory = opendir(path) else { throw .system("list \(path)", errno: errno) }
        defer { closedir(directory) }
        var identifiers: [Int32] = []
        while let entry = readdir(directory) {
            withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: UInt8.self, capacity: 256) { name in
                    var number: Int32 = 0
                    var index = 0
                    while name[index] != 0, index < 9 {
                        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(name[index]) else { return }
                        number = number * 10 + Int32(name[index] - UInt8(ascii: "0"))
                        index += 1
                    }
                    if index > 0 { identifiers.append(number) }
                }
            }
        }
        return identifiers
    }

    private static func isGone(_ number: Int32) -> Bool { [ENOENT, ESRCH, ENOTDIR].contains(number) }
}

extension FileTree {
    /// A regular file's bytes up to a limit; nil when there is none.
    package static func readIfExists(_ path: String, limit: Int) throws(ProbeError) -> [UInt8]? {
        do throws(FileError) {
            return try readWhole(path, limit: limit)
        } catch {
            if error.errno == ENOENT || error.errno == ENOTDIR { return nil }
            throw ProbeError(error)
        }
    }
}

/// Text of the system, as bytes: what a program prints is ASCII where it has a format.
package enum Bytes {
    /// The lines without their ends.
    package static func lines(_ bytes: some Collection<UInt8>) -> [[UInt8]] {
        var lines = bytes.split(separator: Ascii.newline, omittingEmptySubsequences: false).map { Array($0) }
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    /// The lines of a text.
    package static func lines(of text: String) -> [String] { lines(Array(text.utf8)).map { Ascii.text($0) } }

    /// A number in decimal digits alone, within Int64.
    package static func decimal(_ bytes: some Collection<UInt8>) -> Int64? { number(bytes, radix: 10) }

    /// A number in hexadecimal digits alone, within Int64.
    package static func hexadecimal(_ bytes: some Collection<UInt8>) -> Int64? { number(bytes, radix: 16) }

    private static func number(_ bytes: some Collection<UInt8>, radix: Int) -> Int64? {
        // Int64 takes a sign as well, which no format read here has.
        guard bytes.first.map(Ascii.isHexadecimal) == true else { return nil }
        return Int64(Ascii.text(bytes), radix: radix)
    }
}

extension String {
    /// Its beginning, for evidence; a cut is shown.
    package func shortened(to limit: Int = 200) -> String { DisplayText.shortened(self, to: limit) }

    /// Whether it has the bytes of a text in it.
    package func containsBytewise(_ text: String) -> Bool {
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
