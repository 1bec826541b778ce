import Platform

/// The capabilities that a program has from its file (capabilities(7)), one set of flags for all of them, as
/// `cap_net_raw,cap_net_admin=ep`.
public struct FileCapabilities: Sendable, Hashable, CustomStringConvertible {
    /// Those that it may use.
    public var permitted: UInt64
    /// Those that it may use where its caller has them too.
    public var inheritable: UInt64
    /// Whether it has them from the start.
    public var isEffective: Bool

    /// Names by number (linux/capability.h).
    private static let names = [
        "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
        "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
        "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
        "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
        "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
        "checkpoint_restore",
    ]

    /// Reads the form of setcap(8): names that begin with `cap_`, then `=` or `+`, then letters of `eip`.
    public init(parsing text: String) throws(FormatError) {
        func fault(_ expected: String) -> FormatError {
            FormatError(
                subject: "list of capabilities", found: text, expected: expected, offset: 0, source: "cap_from_text(3)")
        }
        let parts = text.utf8.split(
            maxSplits: 1, omittingEmptySubsequences: false,
            whereSeparator: { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: "+") })
        guard parts.count == 2, !parts[1].isEmpty, parts[1].allSatisfy("eip".utf8.contains) else {
            throw fault("such as cap_net_bind_service=ep")
        }
        var mask: UInt64 = 0
        for name in parts[0].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let word = Ascii.text(name)
            guard let number = Self.names.firstIndex(where: { "cap_" + $0 == word }) else {
                throw fault("names such as cap_net_bind_service, found '\(word)'")
            }
            mask |= 1 << UInt64(number)
        }
        permitted = parts[1].contains(UInt8(ascii: "p")) ? mask : 0
        inheritable = parts[1].contains(UInt8(ascii: "i")) ? mask : 0
        isEffective = parts[1].contains(UInt8(ascii: "e"))
        guard permitted | inheritable != 0 else { throw fault("'p' or 'i' among the letters") }
    }

    /// Reads the attribute `security.capability` of a file (`struct vfs_cap_data`); nil when it has another form.
    public init?(attribute bytes: [UInt8]) {
        guard bytes.count >= 12 else { return nil }
        func word(_ index: Int) -> UInt64 {
            guard bytes.count >= 4 * index + 4 else { return 0 }
            return (0..<4).reduce(0) { $0 | UInt64(bytes[4 * index + $1]) << UInt64(8 * $1) }
        }
        // The first word has the version in its highest byte and the flag "effective" in its lowest bit.
        isEffective = word(0) & 1 != 0
        permitted = word(1) | word(3) << 32
        inheritable = word(2) | word(4) << 32
        if word(0) >> 24 == 1 { (permitted, inheritable) = (word(1), word(2)) }
    }

    /// The form of setcap(8) and getcap(8), several sets separated by spaces.
    public var description: String {
        let e = isEffective ? "e" : ""
        let sets = [
            (permitted & inheritable, e + "ip"), (permitted & ~inheritable, e + "p"),
            (inheritable & ~permitted, e + "i"),
        ]
        return sets.filter { $0.0 != 0 }.map { mask, flags in
            let set = (0..<64).filter { mask >> UInt64($0) & 1 != 0 }
                .map { "cap_" + ($0 < Self.names.count ? Self.names[$0] : String($0)) }
            return set.joined(separator: ",") + "=" + flags
        }.joined(separator: " ")
    }
}
