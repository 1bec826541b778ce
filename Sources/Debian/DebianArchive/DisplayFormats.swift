import Archive

/// Modes as ls(1) and chmod(1) write them.
package enum ModeText {
    /// `drwxr-xr-x`, with setuid, setgid and sticky bits.
    package static func of(_ entry: Entry) -> String {
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
    package static func permissions(_ mode: UInt16) -> String {
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
    package static func octal(_ mode: UInt16) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

/// Sizes for people, in powers of 1000 as dpkg and apt write them.
package enum ByteCount {
    /// Such as `23.9 MB`; exact below 1000 bytes.
    package static func text(_ bytes: Int64) -> String {
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

/// Owners and groups for people.
package enum OwnerText {
    /// The name, or the number where the archive has no name.
    package static func of(_ owner: Owner) -> String {
        owner.name.isEmpty ? String(owner.id) : owner.name
    }
}

/// Lines of a file as bytes have them: `Character` takes CR LF for one, and a split at "\n" would miss it.
package enum TextLines {
    /// The lines without their newline; a final newline does not begin another line.
    package static func of(_ bytes: [UInt8]) -> [String] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { String(decoding: $0, as: UTF8.self) }
    }
}

/// The interpreter of a script (execve(2)).
package enum Interpreter {
    /// The words after `#!` on the first line: the interpreter, then its arguments; empty without such a line.
    package static func words(_ script: some Collection<UInt8>) -> [String] {
        guard script.starts(with: "#!".utf8) else { return [] }
        let line = script.prefix(256).dropFirst(2).prefix { $0 != UInt8(ascii: "\n") }
        return String(decoding: line, as: UTF8.self).split { $0 == " " || $0 == "\t" || $0 == "\r" }.map(String.init)
    }
}
