import Glibc
import Platform

/// Who holds locks on files (proc_locks(5)).
enum FileLocks {
    /// The processes that hold a lock of flock(2) or fcntl(2) on a file.
    ///
    /// - Parameter path: the file as this process has to open it.
    static func holders(of path: String) throws(ProbeError) -> [Int32] {
        var status = stat()
        guard stat(path, &status) == 0 else { return [] }
        // As makedev(3) puts them together.
        let device = UInt64(status.st_dev)
        let major = device >> 8 & 0xfff | device >> 32 & ~0xfff
        let minor = device & 0xff | device >> 12 & ~0xff
        return holders(
            in: try SystemFile.read("/proc/locks", limit: 4 << 20) ?? [],
            of: "\(hex(major)):\(hex(minor)):\(status.st_ino)")
    }

    /// Reads lines such as `1: FLOCK  ADVISORY  WRITE 1234 00:19:5678 0 EOF`; `->` marks one that waits.
    static func holders(in table: [UInt8], of place: String) -> [Int32] {
        var holders: [Int32] = []
        for line in Bytes.lines(table) {
            let words = Ascii.words(line[...])
            guard words.count >= 8, Ascii.text(words[1]) != "->", Ascii.text(words[5]) == place,
                let pid = Bytes.decimal(words[4]), pid > 0, !holders.contains(Int32(clamping: pid))
            else { continue }
            holders.append(Int32(clamping: pid))
        }
        return holders
    }

    private static func hex(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return digits.utf8.count < 2 ? "0" + digits : digits
    }
}
