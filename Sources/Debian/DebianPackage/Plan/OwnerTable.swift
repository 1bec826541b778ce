import Archive

/// The users and groups that every Debian system has under fixed numbers (base-passwd's users-and-groups list).
///
/// dpkg looks an owner up by name on the target and falls back to the number, so the number matters only where the name
/// does not exist yet; it is then root's, never a number that means somebody else there.
enum OwnerTable {
    private static let users: [String: Int64] = [
        "root": 0, "daemon": 1, "bin": 2, "sys": 3, "sync": 4, "games": 5, "man": 6, "lp": 7, "mail": 8, "news": 9,
        "uucp": 10, "proxy": 13, "www-data": 33, "backup": 34, "list": 38, "irc": 39, "nobody": 65534,
    ]
    private static let groups: [String: Int64] = [
        "root": 0, "daemon": 1, "bin": 2, "sys": 3, "adm": 4, "tty": 5, "disk": 6, "lp": 7, "mail": 8, "news": 9,
        "uucp": 10, "man": 12, "proxy": 13, "kmem": 15, "dialout": 20, "fax": 21, "voice": 22, "cdrom": 24,
        "floppy": 25, "tape": 26, "sudo": 27, "audio": 29, "dip": 30, "www-data": 33, "backup": 34, "operator": 37,
        "list": 38, "irc": 39, "src": 40, "shadow": 42, "utmp": 43, "video": 44, "sasl": 45, "plugdev": 46,
        "staff": 50, "games": 60, "users": 100, "nogroup": 65534,
    ]

    static func user(_ name: String) -> Owner { Owner(name: name, id: users[name] ?? 0) }

    static func group(_ name: String) -> Owner { Owner(name: name, id: groups[name] ?? 0) }

    /// useradd(8): a letter or underscore, then letters, digits, underscores and dashes; 32 at the most.
    static func isValidName(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 32 else { return false }
        let lower = UInt8(ascii: "a")...UInt8(ascii: "z")
        guard lower.contains(first) || first == UInt8(ascii: "_") else { return false }
        return name.utf8.dropFirst().allSatisfy { byte in
            lower.contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
        }
    }
}
