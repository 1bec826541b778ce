/// What an ELF file says about itself that a package has to know.
///
/// The format is that of elf(5), the System V gABI and, for symbol versions, the Linux Standard Base, Core, "Symbol
/// Versioning". Both classes and both byte orders are read.
public struct ELFFile: Sendable, Hashable {
    /// The instruction set (`e_machine`).
    public var machine: Machine
    /// Whether addresses have 64 bits (`ELFCLASS64`).
    public var is64Bit: Bool
    /// Whether numbers begin with their least significant byte (`ELFDATA2LSB`).
    public var isLittleEndian: Bool
    /// The kind of file (`e_type`); a position-independent executable is `shared`.
    public var type: FileType
    /// Whether the linker marked it as a position-independent executable (`DF_1_PIE`).
    public var isPositionIndependentExecutable: Bool
    /// The dynamic linker that an executable asks for (`PT_INTERP`), as an absolute path.
    public var interpreter: String?
    /// Libraries by soname (`DT_NEEDED`), in the order of the file.
    public var needed: [String]
    /// Symbol versions that are needed of each library (`DT_VERNEED`), in the order of the file.
    public var versionNeeds: [VersionNeed]
    /// The library's own name (`DT_SONAME`).
    public var soname: String?
    /// Folders where libraries are looked for, separated by colons: `DT_RUNPATH`, else `DT_RPATH`.
    public var runPath: String?
    /// Whether an executable is complete without any library: it has neither an interpreter nor a needed library.
    public var isStatic: Bool
    /// Whether a program with this file in it gets an executable stack.
    public var hasExecutableStack: Bool
    /// Whether there is no symbol table (`.symtab`).
    public var isStripped: Bool
    /// Whether there is a section `.debug_info` for debuggers (DWARF).
    public var hasDebugInformation = false
    /// The build identifier in hexadecimal (`NT_GNU_BUILD_ID`), if the linker left one.
    public var buildID: String?
    /// Symbols that libraries have to provide, each with its version as deb-symbols(5) writes it, such as
    /// `fopen@GLIBC_2.2.5` or `inflate@Base`; empty where they were not asked for.
    public var undefinedSymbols: [String] = []

    /// The instruction set.
    public enum Machine: Sendable, Hashable, CustomStringConvertible {
        case x86_64, aarch64
        /// The value of `e_machine`.
        case other(UInt16)

        init(number: UInt16) {
            switch number {
            case 62: self = .x86_64
            case 183: self = .aarch64
            default: self = .other(number)
            }
        }

        /// The name as uname(1) has it, or the number.
        public var description: String {
            switch self {
            case .x86_64: "x86-64"
            case .aarch64: "aarch64"
            case .other(let number): "ELF machine \(number)"
            }
        }
    }

    /// The kind of file.
    public enum FileType: Sendable, Hashable {
        case relocatable, executable, shared, core
        /// The value of `e_type`.
        case other(UInt16)

        init(number: UInt16) {
            switch number {
            case 1: self = .relocatable
            case 2: self = .executable
            case 3: self = .shared
            case 4: self = .core
            default: self = .other(number)
            }
        }
    }

    /// Versions of symbols that are needed of one library.
    public struct VersionNeed: Sendable, Hashable {
        /// The library's soname.
        public var library: String
        /// Such as `GLIBC_2.34`, in the order of the file.
        public var versions: [String]

        /// Makes one from its parts.
        public init(library: String, versions: [String]) {
            self.library = library
            self.versions = versions
        }
    }

    /// Whether a file that begins with these bytes (at least four) is meant to be an ELF file.
    public static func isELF(prefix: [UInt8]) -> Bool { prefix.starts(with: [0x7f, 0x45, 0x4c, 0x46]) }

    /// Reads a file through a closure.
    ///
    /// Headers, the dynamic section, notes and the strings that they name are read, never the code. What is kept is at
    /// most a few megabytes even of a hostile file.
    ///
    /// - Parameters:
    ///   - read: gives `count` bytes from `offset`; fewer mean that the file ends there.
    ///   - size: the file's size in bytes; nothing beyond it is asked for.
    ///   - keepsSymbols: whether ``undefinedSymbols`` are wanted, which are thousands in a large program.
    /// - Throws: ``ELFError`` when the file is not ELF, ends early, contradicts itself or cannot be read.
    public init(
        reading read: (_ offset: UInt64, _ count: Int) throws -> [UInt8], size: UInt64, keepsSymbols: Bool = false
    ) throws(ELFError) {
        // The reader keeps the closure, and does not outlive this call.
        let result: Result<ELFFile, ELFError> = withoutActuallyEscaping(read) { read in
            do throws(ELFError) {
                var reader = ELFReader(read: read, size: size)
                return .success(try ELFParser.parse(&reader, keepsSymbols: keepsSymbols))
            } catch { return .failure(error) }
        }
        self = try result.get()
    }

    /// Bytes that it takes in memory, roughly: its lists of names may be long.
    package var keptBytes: Int {
        func size(_ text: String) -> Int {
            let length = text.utf8.count
            // A string of at most 15 bytes needs no room of its own.
            return MemoryLayout<String>.stride + (length > 15 ? 32 + length : 0)
        }
        let versions = versionNeeds.reduce(512) { sum, need in
            need.versions.reduce(sum + 64 + size(need.library)) { $0 + size($1) }
        }
        return (needed + undefinedSymbols).reduce(versions) { $0 + size($1) } + size(runPath ?? "") + size(soname ?? "")
    }

    init(header: ELFHeader) {
        machine = header.machine
        is64Bit = header.layout.is64Bit
        isLittleEndian = header.layout.isLittleEndian
        type = header.type
        isPositionIndependentExecutable = false
        needed = []
        versionNeeds = []
        isStatic = false
        hasExecutableStack = false
        isStripped = true
    }
}
