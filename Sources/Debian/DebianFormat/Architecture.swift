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

    /// The name of its folder below `/usr/lib` (dpkg-architecture(1), `DEB_HOST_MULTIARCH`); nil where none is known
    /// here, and for `all`.
    public var multiarch: String? { ArchitectureTable.multiarch[description] }

    /// The folders in which the linker of a Debian system looks for shared libraries by itself (ld.so(8)): what is in
    /// them is for everybody.
    public static let libraryFolders: Set<String> = Set(
        [
            "/lib", "/lib32", "/lib64", "/libx32", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32",
            "/usr/local/lib",
        ]
            + ArchitectureTable.multiarch.values.flatMap { ["/lib/" + $0, "/usr/lib/" + $0] })

    /// The architecture that a name most likely means: that of a Go, Rust or GNU toolchain, of uname(1), or a slip.
    public static func suggestion(for text: String) -> String? {
        let lower = text.lowercased()
        if let known = ArchitectureTable.foreign[lower] { return known }
        // As container images have it: linux/arm/v7.
        let platform = lower.split(separator: "/").drop { $0 == "linux" }
        if let first = platform.first, lower.contains("/") {
            let name = platform.count > 1 && first == "arm" ? "arm" + platform[platform.startIndex + 1] : String(first)
            if names.contains(name) { return name }
            return ArchitectureTable.foreign[name] ?? SpellingSuggestion.of(name, among: common)
        }
        // A target of Rust's or GNU's: processor, vendor, system and perhaps what it is called with.
        let target = lower.split(separator: "-")
        if target.count > 2, target.contains("linux") {
            if target[0].hasPrefix("arm") || target[0].hasPrefix("thumb") {
                return target.last?.hasSuffix("eabihf") ?? false ? "armhf" : "armel"
            }
            return ArchitectureTable.foreign[String(target[0])]
                ?? (names.contains(String(target[0])) ? String(target[0]) : nil)
        }
        return SpellingSuggestion.of(text, among: common)
    }

    private static var names: Set<String> { ArchitectureTable.names }

    /// Debian's port to old ARM processors, which ended with version 5.0: whoever writes `arm` means that of Go.
    public static let oldARM = Architecture(known: "arm")
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

    static let multiarch = [
        "amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu", "armel": "arm-linux-gnueabi",
        "armhf": "arm-linux-gnueabihf", "i386": "i386-linux-gnu", "mips64el": "mips64el-linux-gnuabi64",
        "mipsel": "mipsel-linux-gnu", "ppc64el": "powerpc64le-linux-gnu", "riscv64": "riscv64-linux-gnu",
        "s390x": "s390x-linux-gnu", "alpha": "alpha-linux-gnu", "arc": "arc-linux-gnu", "hppa": "hppa-linux-gnu",
        "hurd-amd64": "x86_64-gnu", "hurd-i386": "i386-gnu", "ia64": "ia64-linux-gnu",
        "loong64": "loongarch64-linux-gnu", "m68k": "m68k-linux-gnu", "mips": "mips-linux-gnu",
        "mips64": "mips64-linux-gnuabi64", "powerpc": "powerpc-linux-gnu", "ppc64": "powerpc64-linux-gnu",
        "sh4": "sh4-linux-gnu", "sparc64": "sparc64-linux-gnu", "x32": "x86_64-linux-gnux32",
    ]

    /// What others call these architectures: GOARCH (with GOARM), the first part of Rust's target, uname(1), RPM.
    static let foreign = [
        "x86_64": "amd64", "x86-64": "amd64", "x64": "amd64", "aarch64": "arm64", "arm64v8": "arm64", "arm": "armhf",
        "armv7": "armhf", "armv7l": "armhf", "armv7hl": "armhf", "arm32v7": "armhf", "armv6": "armel",
        "armv6l": "armel", "arm32v5": "armel", "386": "i386", "x86": "i386", "i486": "i386",
        "i586": "i386", "i686": "i386", "ia32": "i386", "ppc64le": "ppc64el", "powerpc64le": "ppc64el",
        "powerpc64": "ppc64", "ppc": "powerpc", "riscv64gc": "riscv64", "mipsle": "mipsel", "mips64le": "mips64el",
        "loongarch64": "loong64", "noarch": "all", "arm5": "armel", "arm6": "armel", "arm7": "armhf",
        "armv5": "armel", "armv5te": "armel", "armv7a": "armhf", "armv8": "arm64", "arm64v9": "arm64",
    ]

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
