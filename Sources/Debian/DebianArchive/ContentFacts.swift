import DebianFormat
import ELF
import Files
import Synchronization

/// What a look into the contents of a file has found, so that no other part has to look again.
public final class ContentFacts: Sendable {
    /// What machine code says about itself.
    public var elf: ELFFile? { machineCode?.facts }
    private let machineCode: MachineCode?
    /// Why a file that begins like ELF is broken.
    public let malformedELF: String?
    /// A small text without NUL bytes, where texts are kept.
    public let text: [UInt8]?
    /// Whether a small text was left out because all of them together exceeded the limit.
    public let isTextSkipped: Bool

    /// Neither machine code nor a text that is kept.
    package static let nothing = ContentFacts()

    init(elf: ELFFile? = nil, malformedELF: String? = nil, text: [UInt8]? = nil, isTextSkipped: Bool = false) {
        machineCode = elf.map(MachineCode.init)
        self.malformedELF = malformedELF
        self.text = text
        self.isTextSkipped = isTextSkipped
    }

    /// Few files are machine code: the others are spared the room.
    private final class MachineCode: Sendable {
        let facts: ELFFile
        init(_ facts: ELFFile) { self.facts = facts }
    }

    /// Looks into an open file: at its first bytes, and further into machine code and a text that is to be kept.
    ///
    /// - Parameters:
    ///   - texts: how much text may still be kept; nil keeps none.
    ///   - keepsSymbols: whether the symbols that machine code needs are wanted.
    package static func of(
        _ file: InputFile, texts: TextBudget? = nil, keepsSymbols: Bool = false
    ) throws(FileError) -> ContentFacts {
        let size = file.status.size
        if size == 0 { return .nothing }
        if ELFFile.isELF(prefix: try file.bytes(at: 0, count: 4)) {
            return machineCode(size: size, keepsSymbols: keepsSymbols) { offset, count in
                try file.bytes(at: Int64(clamping: offset), count: count)
            }
        }
        guard let texts, size <= Int64(texts.textBytes) else { return .nothing }
        guard texts.take(Int(size)) else { return ContentFacts(isTextSkipped: true) }
        let bytes = try file.bytes(at: 0, count: Int(size))
        return bytes.contains(0) ? .nothing : ContentFacts(text: bytes)
    }

    fileprivate static func machineCode(
        size: Int64, keepsSymbols: Bool, reading read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) -> ContentFacts {
        do throws(ELFError) {
            return ContentFacts(elf: try ELFFile(reading: read, size: UInt64(max(0, size)), keepsSymbols: keepsSymbols))
        } catch {
            return ContentFacts(malformedELF: "\(error)")
        }
    }
}

/// How much text may still be kept of all files together.
package final class TextBudget: Sendable {
    /// The maximum size of one text, in bytes.
    package let textBytes: Int
    private let rest: Mutex<Int>

    /// Creates the budget that limits allow.
    package init(_ limits: DebReadLimits = DebReadLimits()) {
        textBytes = limits.textBytes
        rest = Mutex(limits.allTextBytes)
    }

    /// Takes bytes out; false when so many are not left.
    func take(_ count: Int) -> Bool {
        rest.withLock { rest in
            guard count + Self.overhead <= rest else { return false }
            rest -= count + Self.overhead
            return true
        }
    }

    /// Gives back what was taken for one text and is not kept.
    func giveBack(_ count: Int) {
        if count > 0 { rest.withLock { $0 += count + Self.overhead } }
    }

    /// What a text costs beside its bytes: there may be very many of a few bytes.
    static let overhead = 256
}

/// Takes what ``ContentFacts`` holds from bytes that pass by once, such as those of an archive's entry.
///
/// Machine code is kept in memory while it is small and in a scratch file beyond, since ELF is read at random places.
package struct ContentProbe {
    private enum Mode {
        /// Fewer than four bytes are there.
        case undecided
        case elf, text
        /// Neither.
        case dropped
    }

    private var mode = Mode.undecided
    private var kept: [UInt8] = []
    private var scratch: ScratchFile?
    private var count = 0
    private let texts: TextBudget?
    /// Bytes taken out of the budget.
    private var reserved = 0
    private var isSkipped = false
    private let scratchFolder: String
    private let keepsSymbols: Bool

    /// ELF files up to this size stay in memory.
    private static let memoryLimit = 4 << 20

    /// - Parameters:
    ///   - size: bytes of the file as its archive states them.
    ///   - texts: how much text may still be kept; nil keeps none.
    ///   - scratchFolder: where large machine code is laid down.
    ///   - keepsSymbols: whether the symbols that machine code needs are wanted.
    package init(size: Int64, texts: TextBudget?, scratchFolder: String, keepsSymbols: Bool = false) {
        self.keepsSymbols = keepsSymbols
        self.scratchFolder = scratchFolder
        guard let texts, size > 0, size <= Int64(texts.textBytes) else {
            self.texts = nil
            return
        }
        self.texts = texts
        if texts.take(Int(size)) { reserved = Int(size) } else { isSkipped = true }
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        count += bytes.count
        if let scratch { return try scratch.write(bytes) }
        if mode != .dropped { kept += bytes }
        if mode == .undecided, kept.count >= 4 {
            mode = ELFFile.isELF(prefix: Array(kept.prefix(4))) ? .elf : .text
        }
        if mode == .text, count > reserved {
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

    package consuming func finish() -> ContentFacts {
        if mode == .elf {
            texts?.giveBack(reserved)
            let (bytes, file) = (kept, scratch)
            return ContentFacts.machineCode(size: Int64(count), keepsSymbols: keepsSymbols) { offset, length in
                if let file { return try file.bytes(at: Int64(clamping: offset), count: length) }
                let start = Int(clamping: offset)
                guard start <= bytes.count, length >= 0 else { return [] }
                return Array(bytes[start...].prefix(length))
            }
        }
        if isSkipped { return ContentFacts(isTextSkipped: true) }
        if mode != .dropped, reserved > 0, count <= reserved, !kept.contains(0) { return ContentFacts(text: kept) }
        texts?.giveBack(reserved)
        return .nothing
    }
}

extension Architecture {
    /// The machine whose code its packages have; nil where none is known here.
    package var machine: ELFFile.Machine? {
        switch self {
        case .amd64: .x86_64
        case .arm64: .aarch64
        default: nil
        }
    }

    /// Its program interpreter (the supplements of the System V ABI); nil where none is known here.
    package var programInterpreter: String? {
        switch self {
        case .amd64: "/lib64/ld-linux-x86-64.so.2"
        case .arm64: "/lib/ld-linux-aarch64.so.1"
        default: nil
        }
    }
}
