import Platform

/// Which paths the commands of a script write, move, remove or change.
struct WrittenPaths {
    private let variables: [String: String]

    /// Whose last argument is what they write.
    private static let copying: Set = ["cp", "install", "rsync", "ln", "scp"]
    /// All of whose arguments are.
    private static let changing: Set = [
        "mv", "rm", "tee", "truncate", "unlink", "touch", "chown", "chgrp", "chmod", "setfacl", "chattr", "shred",
        "mount",
        "umount", "patch", "rmdir",
    ]

    /// Remembers what the variables of a script stand for.
    init(_ file: HostJobs.File) {
        var variables: [String: String] = [:]
        for line in file.lines {
            for word in Ascii.words(Array(line.text.utf8)[...]) {
                guard let equals = word.firstIndex(of: UInt8(ascii: "=")), equals > word.startIndex,
                    word[..<equals].allSatisfy({ Ascii.isAlphanumeric($0) || $0 == UInt8(ascii: "_") })
                else { continue }
                variables[Ascii.text(word[..<equals])] = Ascii.text(
                    word[(equals + 1)...].filter { !"\"';".utf8.contains($0) })
            }
        }
        self.variables = variables
    }

    /// Whether a line writes one of some paths, or one that ends so.
    func writes(_ text: String, anyOf paths: [String]) -> Bool {
        if text.containsBytewise("open("), text.containsBytewise("'w") || text.containsBytewise("\"w") {
            // A script of Python.
            return paths.contains { text.containsBytewise($0) }
        }
        return Self.commands(in: text).contains { writes($0.map(resolved), paths) }
    }

    private func writes(_ words: [String], _ paths: [String]) -> Bool {
        func isMeant(_ word: String) -> Bool { paths.contains { word.containsBytewise($0) } }
        for (index, word) in words.enumerated() where word == ">" && index + 1 < words.count {
            if isMeant(words[index + 1]) { return true }
        }
        for (index, word) in words.enumerated() {
            let name = ProcessEntry.lastPart(of: word.utf8.drop { "-@:+!".utf8.contains($0) })
            let arguments = words[(index + 1)...].prefix { $0 != ">" && $0 != "<" }
            if Self.copying.contains(name) {
                let target = arguments.last { !$0.startsBytewise("-") }
                return target.map(isMeant) ?? false
                    || arguments.contains { $0.startsBytewise("--target-directory") && isMeant($0) }
            }
            if Self.changing.contains(name) { return arguments.contains(where: isMeant) }
            switch name {
            case "sed", "perl":
                let isInPlace = arguments.contains {
                    $0.startsBytewise("-i") || $0.startsBytewise("--in-place") || $0.startsBytewise("-pi")
                }
                return isInPlace && arguments.contains(where: isMeant)
            case "dd": return arguments.contains { $0.startsBytewise("of=") && isMeant($0) }
            case "curl", "wget", "tar", "unzip", "git":
                // Behind the option that says where to.
                for (place, option) in arguments.enumerated()
                where ["-o", "--output", "-O", "-P", "-C", "-d"].contains(option) {
                    let value = arguments.dropFirst(place + 1).first
                    if value.map(isMeant) == true { return true }
                }
            default: continue
            }
        }
        return false
    }

    private func resolved(_ word: String) -> String {
        guard word.utf8.contains(UInt8(ascii: "$")) else { return word }
        var result = word
        for (name, value) in variables.sorted(by: { $0.key.utf8.count > $1.key.utf8.count }) {
            for form in ["${\(name)}", "$\(name)"] where result.containsBytewise(form) {
                result = Self.replacing(form, by: value, in: result)
            }
        }
        return result
    }

    private static func replacing(_ part: String, by value: String, in text: String) -> String {
        var bytes = Array(text.utf8)
        let part = Array(part.utf8)
        guard let start = bytes.indices.first(where: { bytes[$0...].starts(with: part) }) else { return text }
        bytes.replaceSubrange(start..<(start + part.count), with: Array(value.utf8))
        return Ascii.text(bytes)
    }

    /// The words of each command of a line, without quotes; `>` and `<` stand by themselves.
    static func commands(in text: String) -> [[String]] {
        var commands: [[String]] = [[]]
        var word: [UInt8] = []
        func end() {
            if !word.isEmpty { commands[commands.count - 1].append(Ascii.text(word)) }
            word = []
        }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: ";"), UInt8(ascii: "|"), UInt8(ascii: "&"), UInt8(ascii: "("), UInt8(ascii: ")"),
                UInt8(ascii: "`"):
                end()
                commands.append([])
            case UInt8(ascii: ">"), UInt8(ascii: "<"):
                // `2>` is a number of a descriptor and no word.
                if word.count == 1, Ascii.isDigit(word[0]) { word = [] }
                end()
                let mark = byte == UInt8(ascii: ">") ? ">" : "<"
                if commands[commands.count - 1].last != mark { commands[commands.count - 1].append(mark) }
            case UInt8(ascii: "\""), UInt8(ascii: "'"): continue
            case _ where Ascii.isBlank(byte): end()
            default: word.append(byte)
            }
        }
        end()
        return commands.filter { !$0.isEmpty }
    }
}
