import Platform

/// A Debian architecture, `all`, or a wildcard for several (Policy 5.6.8 and 11.1).
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
        guard ArchitectureTable.tuples[text] != nil || text == "all" else {
            let isWildcard = ArchitectureTable.pattern(text) != nil
            throw FormatError(
                subject: "architecture", found: text,
                expected: isWildcard
                    ? "one architecture such as amd64, not a wildcard" : "such as amd64, arm64 or all", offset: 0,
                source: "Policy 11.1")
        }
        description = text
    }

    /// Reads the name of one architecture or a wildcard such as `any`, `linux-any` or `any-arm64`, as it stands in the
    /// `Architecture` field of a source package and in `[…]` behind a relation.
    public init(orWildcard text: String) throws(FormatError) {
        if ArchitectureTable.pattern(text) != nil {
            description = text
        } else {
            self = try Architecture(text)
        }
    }

    /// Whether it stands for several architectures.
    public var isWildcard: Bool { ArchitectureTable.pattern(description) != nil }

    /// Whether this architecture is the other, or one of those that the other stands for; `all` is in no wildcard.
    public func matches(_ other: Architecture) -> Bool {
        if self == other { return true }
        guard let tuple = ArchitectureTable.tuples[description],
            let pattern = ArchitectureTable.pattern(other.description)
        else { return false }
        return zip(tuple, pattern).allSatisfy { part, wanted in wanted == "any" || wanted == part }
    }

    private init(known text: String) { description = text }
}
