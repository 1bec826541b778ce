/// dpkg's architectures: names made of processors and operating systems, each with its tuple of ABI, C library, kernel
/// and processor (dpkg-architecture(1), `dpkg-architecture -L`).
enum ArchitectureTable {
    /// Debian's archive and its ports, with `all`.
    static let common = [
        "all", "amd64", "arm64", "armel", "armhf", "i386", "mips64el", "mipsel", "ppc64el", "riscv64", "s390x", "alpha",
        "arc", "hppa", "hurd-amd64", "hurd-i386", "ia64", "loong64", "m68k", "mips", "mips64", "powerpc", "ppc64",
        "sh4", "sparc64", "x32",
    ]

    /// `all`, the common ones and then the rest.
    static let known: [String] = {
        let first = Set(common)
        return common + names.map(\.name).filter { !first.contains($0) }
    }()

    /// ABI, C library, kernel, processor of each architecture.
    static let tuples: [String: [String]] = Dictionary(
        names.map { ($0.name, $0.tuple) }, uniquingKeysWith: { first, _ in first })

    /// The four parts of a wildcard, `any` where none is named; nil for what is no wildcard.
    static func pattern(_ text: String) -> [String]? {
        // No name of a part is long, and no wildcard has more than four.
        guard text.utf8.count <= 64 else { return nil }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 4, parts.contains("any") else { return nil }
        let padded = Array(repeating: "any", count: 4 - parts.count) + parts
        for (part, known) in zip(padded, parts4) where part != "any" && !known.contains(part) { return nil }
        return padded
    }

    private static let parts4: [Set<String>] = (0..<4).map { index in Set(names.map { $0.tuple[index] }) }

    private static let processors = [
        "alpha", "amd64", "arc", "armeb", "arm", "arm64", "avr32", "hppa", "loong64", "i386", "ia64", "m32r", "m68k",
        "mips", "mipsel", "mipsr6", "mipsr6el", "mips64", "mips64el", "mips64r6", "mips64r6el", "nios2", "or1k",
        "powerpc", "powerpcel", "ppc64", "ppc64el", "riscv64", "s390", "s390x", "sh3", "sh3eb", "sh4", "sh4eb",
        "sparc", "sparc64", "tilegx",
    ]

    /// A system: for every processor, unless it names the only ones, with their architectures.
    private struct System {
        let abi: String
        let library: String
        let kernel: String
        /// What stands before the processor in the architecture's name.
        var prefix = ""
        var only: [(processor: String, name: String)] = []
    }

    private static let systems: [System] = [
        System(abi: "eabi", library: "uclibc", kernel: "linux", only: [("arm", "uclibc-linux-armel")]),
        System(abi: "base", library: "uclibc", kernel: "linux", prefix: "uclibc-linux-"),
        System(abi: "eabihf", library: "musl", kernel: "linux", only: [("arm", "musl-linux-armhf")]),
        System(abi: "base", library: "musl", kernel: "linux", prefix: "musl-linux-"),
        System(abi: "ilp32", library: "gnu", kernel: "linux", only: [("arm64", "arm64ilp32")]),
        System(abi: "eabihf", library: "gnu", kernel: "linux", only: [("arm", "armhf")]),
        System(abi: "eabi", library: "gnu", kernel: "linux", only: [("arm", "armel")]),
        System(
            abi: "abin32", library: "gnu", kernel: "linux",
            only: [
                ("mips64r6el", "mipsn32r6el"), ("mips64r6", "mipsn32r6"), ("mips64el", "mipsn32el"),
                ("mips64", "mipsn32"),
            ]),
        System(
            abi: "abi64", library: "gnu", kernel: "linux",
            only: [
                ("mips64r6el", "mips64r6el"), ("mips64r6", "mips64r6"), ("mips64el", "mips64el"), ("mips64", "mips64"),
            ]),
        System(abi: "spe", library: "gnu", kernel: "linux", only: [("powerpc", "powerpcspe")]),
        System(abi: "x32", library: "gnu", kernel: "linux", only: [("amd64", "x32")]),
        System(abi: "base", library: "gnu", kernel: "linux"),
        System(abi: "eabihf", library: "gnu", kernel: "kfreebsd", only: [("arm", "kfreebsd-armhf")]),
        System(abi: "base", library: "gnu", kernel: "kfreebsd", prefix: "kfreebsd-"),
        System(abi: "base", library: "gnu", kernel: "knetbsd", prefix: "knetbsd-"),
        System(abi: "base", library: "gnu", kernel: "kopensolaris", prefix: "kopensolaris-"),
        System(abi: "base", library: "gnu", kernel: "hurd", prefix: "hurd-"),
        System(abi: "base", library: "bsd", kernel: "darwin", prefix: "darwin-"),
        System(abi: "base", library: "bsd", kernel: "dragonflybsd", prefix: "dragonflybsd-"),
        System(abi: "base", library: "bsd", kernel: "freebsd", prefix: "freebsd-"),
        System(abi: "base", library: "bsd", kernel: "netbsd", prefix: "netbsd-"),
        System(abi: "base", library: "bsd", kernel: "openbsd", prefix: "openbsd-"),
        System(abi: "base", library: "sysv", kernel: "aix", prefix: "aix-"),
        System(abi: "base", library: "sysv", kernel: "solaris", prefix: "solaris-"),
        System(abi: "eabi", library: "uclibc", kernel: "uclinux", only: [("arm", "uclinux-armel")]),
        System(abi: "base", library: "uclibc", kernel: "uclinux", prefix: "uclinux-"),
        System(abi: "base", library: "tos", kernel: "mint", only: [("m68k", "mint-m68k")]),
    ]

    /// Where several tuples lead to one name, the first is the architecture's.
    private static let names: [(name: String, tuple: [String])] = {
        var result: [(name: String, tuple: [String])] = []
        var seen: Set<String> = []
        for system in systems {
            let all = system.only.isEmpty ? processors.map { ($0, system.prefix + $0) } : system.only
            for (processor, name) in all where seen.insert(name).inserted {
                result.append((name, [system.abi, system.library, system.kernel, processor]))
            }
        }
        return result
    }()
}
