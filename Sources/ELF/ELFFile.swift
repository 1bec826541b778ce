/// What an ELF file says about itself that a package has to know (elf(5), gABI).
public struct ELFFile: Sendable, Hashable {
    /// The instruction set, `e_machine`.
    public enum Machine: Sendable, Hashable, CustomStringConvertible {
        case x86_64, aarch64
        case other(UInt16)

        /// The name as readelf(1) and uname(1) have it.
        public var description: String {
            switch self {
            case .x86_64: "x86-64"
            case .aarch64: "aarch64"
            case .other(let number): "ELF machine \(number)"
            }
        }
    }

    /// The kind of file, `e_type`.
    public enum FileType: Sendable, Hashable {
        case relocatable, executable, shared, core
        case other(UInt16)
    }

    /// Versions of symbols that are needed of one library.
    public struct VersionNeed: Sendable, Hashable {
        /// The library's soname.
        public var library: String
        /// Such as `GLIBC_2.34`, in the order of the file.
        public var versions: [String]
    }

    /// The instruction set.
    public var machine: Machine
    /// Whether addresses have 64 bits.
    public var is64Bit: Bool
    /// The kind of file; a position-independent executable is `shared`.
    public var type: FileType
    /// The dynamic linker that an executable asks for (`PT_INTERP`).
    public var interpreter: String?
    /// Libraries by soname (`DT_NEEDED`).
    public var needed: [String] = []
    /// Symbol versions that are needed (`DT_VERNEED`).
    public var versionNeeds: [VersionNeed] = []
    /// The library's own name (`DT_SONAME`).
    public var soname: String?
    /// Where libraries are looked for first (`DT_RUNPATH`, or the older `DT_RPATH`).
    public var runPath: String?
    /// Whether an executable is complete without any library.
    public var isStatic = false
    /// Whether the stack is asked to be executable.
    public var hasExecutableStack = false
    /// Whether the symbol table has been removed.
    public var isStripped = true
    /// The build id in hexadecimal, if the linker left one.
    public var buildID: String?

    /// Whether a file begins like an ELF file.
    public static func isELF(prefix: [UInt8]) -> Bool { prefix.starts(with: [0x7f, 0x45, 0x4c, 0x46]) }

    /// Reads a file through a closure that gives bytes at an offset; it may give fewer at the end of the file.
    ///
    /// Reads a few kilobytes whatever the file's size, and everything read is bounded.
    public init(
        reading read: @escaping (_ offset: UInt64, _ count: Int) throws -> [UInt8], size: UInt64
    ) throws(ELFError) {
        var parser = try ELFParser(read: read, size: size)
        machine = parser.machine
        is64Bit = parser.is64Bit
        type = parser.type
        try parser.readSegments()
        interpreter = parser.interpreter
        needed = parser.needed
        versionNeeds = parser.versionNeeds
        soname = parser.soname
        runPath = parser.runPath
        hasExecutableStack = parser.hasExecutableStack
        buildID = parser.buildID
        isStripped = try !parser.hasSymbolTable()
        isStatic = (type == .executable || type == .shared) && interpreter == nil && needed.isEmpty && soname == nil
            && parser.hasEntryPoint
    }
}

/// A file that is no sound ELF file.
public enum ELFError: Error, Sendable, Hashable, CustomStringConvertible {
    /// It does not begin with the magic number.
    case notELF
    /// It ends before what its headers promise.
    case truncated(what: String)
    /// A header has a value that cannot be.
    case malformed(what: String)
    /// The bytes could not be read.
    case unreadable(String)

    /// The sentence for people.
    public var description: String {
        switch self {
        case .notELF: "no ELF file"
        case .truncated(let what): "the file ends before its \(what)"
        case .malformed(let what): "its \(what) cannot be right"
        case .unreadable(let reason): reason
        }
    }
}
