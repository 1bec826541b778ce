import Archive

/// Modes as ls(1) and chmod(1) write them.
public enum ModeText {
    /// `drwxr-xr-x`, with setuid, setgid and sticky bits.
    public static func of(_ entry: Entry) -> String {
        let type =
            switch entry.kind {
            case .file: "-"
            case .directory: "d"
            case .symbolicLink: "l"
            case .hardLink: "h"
            case .other: "?"
            }
        return type + permissions(entry.permissions)
    }

    /// The nine letters.
    public static func permissions(_ mode: UInt16) -> String {
        var text = ""
        let specials: [(bit: UInt16, letter: Character)] = [(0o4000, "s"), (0o2000, "s"), (0o1000, "t")]
        for (index, special) in specials.enumerated() {
            let triple = mode >> UInt16(6 - 3 * index)
            text.append(triple & 4 != 0 ? "r" : "-")
            text.append(triple & 2 != 0 ? "w" : "-")
            let executes = triple & 1 != 0
            if mode & special.bit != 0 {
                text.append(executes ? special.letter : Character(special.letter.uppercased()))
            } else {
                text.append(executes ? "x" : "-")
            }
        }
        return text
    }

    /// Four octal digits.
    public static func octal(_ mode: UInt16) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

/// Sizes for people, in powers of 1000 as dpkg and apt write them.
public enum ByteCount {
    /// Such as `23.9 MB`; exact below 1000 bytes.
    public static func text(_ bytes: Int64) -> String {
        if bytes < 1000 { return "\(bytes) B" }
        var value = Double(bytes)
        var unit = "B"
        for next in ["kB", "MB", "GB", "TB"] where value >= 999.95 {
            value /= 1000
            unit = next
        }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(unit)"
    }
}
