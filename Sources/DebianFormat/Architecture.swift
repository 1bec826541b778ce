/// A Debian architecture (Policy 11.1), or `all`.
public struct Architecture: Hashable, Sendable, CustomStringConvertible {
    /// The name.
    public let description: String

    /// Debian's release architectures and ports, with `all`.
    public static let known = [
        "all", "alpha", "amd64", "arc", "arm64", "armel", "armhf", "hppa", "hurd-amd64", "hurd-i386", "i386", "ia64",
        "loong64", "m68k", "mips", "mips64", "mips64el", "mipsel", "musl-linux-amd64", "musl-linux-arm64", "powerpc",
        "ppc64", "ppc64el", "riscv64", "s390x", "sh4", "sparc64", "x32",
    ]

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

    /// Reads a name; one that is not known is refused.
    public init(_ text: String) throws(FormatError) {
        guard Self.known.contains(text) else {
            throw FormatError(
                subject: "architecture", found: text, expected: "such as amd64, arm64 or all", offset: 0,
                source: "Policy 11.1")
        }
        description = text
    }

    private init(known text: String) { description = text }
}
