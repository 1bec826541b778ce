import ELF
import Files

/// Takes in one pass what an image keeps of a file's contents: checksums, ELF facts, a small text.
///
/// Machine code is kept in memory while it is small and in a scratch file beyond, since ELF is read at random places.
struct ContentProbe {
    /// What was learnt.
    struct Result {
        var digests: FileDigests
        var elf: ELFFile?
        var malformedELF: String?
        var text: [UInt8]?
    }

    private enum Mode {
        /// Fewer than four bytes are there.
        case undecided
        case elf, text
        /// Neither: only checksums are taken.
        case dropped
    }

    private var mode = Mode.undecided
    private var digest = ContentDigest()
    private var kept: [UInt8] = []
    private var scratch: ScratchFile?
    private var count = 0
    private let textLimit: Int
    private let scratchFolder: String

    /// ELF files up to this size stay in memory.
    private static let memoryLimit = 4 << 20

    /// - Parameter textLimit: bytes of a text that is still kept; 0 keeps none.
    init(textLimit: Int, scratchFolder: String) {
        self.textLimit = textLimit
        self.scratchFolder = scratchFolder
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        digest.update(bytes)
        count += bytes.count
        if let scratch { return try scratch.write(bytes) }
        if mode != .dropped { kept += bytes }
        if mode == .undecided, kept.count >= 4 {
            mode = ELFFile.isELF(prefix: Array(kept.prefix(4))) ? .elf : .text
        }
        if mode == .text, count > textLimit {
            mode = .dropped
            kept = []
        } else if mode == .elf, kept.count > Self.memoryLimit {
            let file = try ScratchFile(in: scratchFolder)
            var failure: FileError?
            kept.withUnsafeBytes { all in
                do throws(FileError) { try file.write(all) } catch { failure = error }
            }
            if let failure { throw failure }
            scratch = file
            kept = []
        }
    }

    consuming func finish() throws(FileError) -> Result {
        let size = count
        let bytes = kept
        let file = scratch
        var result = Result(digests: digest.finish())
        if mode == .elf {
            do throws(ELFError) {
                result.elf = try ELFFile(
                    reading: { offset, length in
                        guard let file else {
                            let start = Int(clamping: offset)
                            guard start <= bytes.count, length >= 0 else { return [] }
                            return Array(bytes[start...].prefix(length))
                        }
                        return try file.bytes(at: Int64(clamping: offset), count: length)
                    }, size: UInt64(size))
            } catch {
                result.malformedELF = "\(error)"
            }
        } else if mode != .dropped, size <= textLimit, !bytes.contains(0) {
            result.text = bytes
        }
        return result
    }
}
