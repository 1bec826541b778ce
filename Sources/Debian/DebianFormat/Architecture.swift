import Platform

/// A Debian architecture, or `all` (Policy 5.6.8 and 11.1).
public struct Architecture: Hashable, Sendable, CustomStringConvertible {
    /// The name.
    public let description: String

    /// `all` and every architecture that dpkg-architecture(1) lists, those of Debian's archive first.
    public static let known: [String] = ArchitectureTable.known

    /// `all` and the architectures of Debian's archive and of its ports: the ones that people mean.
    public static let common: [String] = ArchitectureTable.common

    /// Machine-independent.
    public static let all = Architecture(known: "all")
    /// x86-64.
    public static let amd64 = Architecture(known: "amd64")
    /// 64-bit ARM.
    public static let arm64 = Architecture(known: "arm64")
    /// 32-bit x86.
    public static let i386 = Architecture(known: "i386")

    /// The architecture that this program was compiled for.
    public static var host: Architecture {
        #if arch(x86_64)
            amd64
        #elseif arch(arm64)
            arm64
        #elseif arch(i386)
            i386
        #elseif arch(s390x)
            Architecture(known: "s390x")
        #elseif arch(powerpc64le)
            Architecture(known: "ppc64el")
        #elseif arch(riscv64)
            Architecture(known: "riscv64")
        #else
            Architecture(known: "armhf")
        #endif
    }

    /// Reads the name of one architecture, or `all`; one that is not known is refused, and so are wildcards, which no
    /// binary package can be built for.
    public init(_ text: String) throws(FormatError) {
        guard ArchitectureTable.names.contains(text) else {
            let isWildcard = text.split(separator: "-").contains("any")
            throw FormatError(
                subject: "architecture", found: text,
                expected: isWildcard
                    ? "one architecture such as amd64, not a wildcard" : "such as amd64, arm64 or all", offset: 0,
                source: "Policy 11.1")
        }
        description = text
    }

    private init(known text: String) { description = text }
}

/// dpkg's architectures (`dpkg-architecture -L`): names made of an operating system and a processor, and some others.
private enum ArchitectureTable {
    /// Debian's archive and its ports, with `all`.
    static let common = [
        "all", "amd64", "arm64", "armel", "armhf", "i386", "mips64el", "mipsel", "ppc64el", "riscv64", "s390x", "alpha",
        "arc", "hppa", "hurd-amd64", "hurd-i386", "ia64", "loong64", "m68k", "mips", "mips64", "powerpc", "ppc64",
        "sh4", "sparc64", "x32",
    ]

    /// `all`, the common ones and then the rest.
    static let known: [String] = {
        let first = Set(common)
        let all = systems.flatMap { system in processors.map { system + $0 } } + others
        return common + all.filter { !first.contains($0) }
    }()

    static let names = Set(known)

    private static let processors = [
        "alpha", "amd64", "arc", "armeb", "arm", "arm64", "avr32", "hppa", "loong64", "i386", "ia64", "m32r", "m68k",
        "mips", "mipsel", "mipsr6", "mipsr6el", "mips64", "mips64el", "mips64r6", "mips64r6el", "nios2", "or1k",
        "powerpc", "powerpcel", "ppc64", "ppc64el", "riscv64", "s390", "s390x", "sh3", "sh3eb", "sh4", "sh4eb",
        "sparc", "sparc64", "tilegx",
    ]

    /// What stands before the processor.
    private static let systems = [
        "", "uclibc-linux-", "musl-linux-", "kfreebsd-", "knetbsd-", "kopensolaris-", "hurd-", "darwin-",
        "dragonflybsd-", "freebsd-", "netbsd-", "openbsd-", "aix-", "solaris-", "uclinux-",
    ]

    /// ABIs that a processor has beside its usual one.
    private static let others = [
        "uclibc-linux-armel", "musl-linux-armhf", "arm64ilp32", "mipsn32r6el", "mipsn32r6", "mipsn32el", "mipsn32",
        "powerpcspe", "kfreebsd-armhf", "uclinux-armel", "mint-m68k",
    ]
}
