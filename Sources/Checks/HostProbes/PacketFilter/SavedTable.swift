import MeshContract

/// A table as iptables-save(8) prints it.
struct SavedTable: Sendable, Hashable {
    /// The chains in their order.
    var chains: [String] = []
    /// The rules in their order, such as `-A OUTPUT -p tcp -j ISTIO_OUTPUT`.
    var rules: [String] = []

    /// Reads one table of a whole output; nil when the table is not in it.
    static func parse(_ output: [UInt8], table name: String) -> SavedTable? {
        var table: SavedTable?
        var isInside = false
        for line in Bytes.lines(output) {
            switch line.first {
            case UInt8(ascii: "*"):
                isInside = line.dropFirst().elementsEqual(name.utf8)
                if isInside, table == nil { table = SavedTable() }
            case UInt8(ascii: ":"):
                guard isInside, let chain = Bytes.words(line.dropFirst()).first else { continue }
                table?.chains.append(Bytes.text(chain))
            case UInt8(ascii: "-"): if isInside { table?.rules.append(Bytes.text(line)) }
            // Rules with their counters: [packets:bytes] -A …
            case UInt8(ascii: "["):
                if isInside, let end = line.firstIndex(of: UInt8(ascii: "]")) {
                    table?.rules.append(Bytes.text(Bytes.trimmed(Array(line[(end + 1)...]))))
                }
            default: break
            }
        }
        return table
    }

    /// The rules of one chain.
    func rules(of chain: String) -> [String] { rules.filter { $0.startsBytewise("-A \(chain) ") } }

    /// The words of a rule; a comment in quotes is one word.
    static func words(_ rule: String) -> [String] {
        var words: [[UInt8]] = [[]]
        var isQuoted = false
        var isEscaped = false
        for byte in rule.utf8 {
            if isEscaped {
                words[words.count - 1].append(byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\"), isQuoted {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if byte == Bytes.space, !isQuoted {
                words.append([])
            } else {
                words[words.count - 1].append(byte)
            }
        }
        return words.filter { !$0.isEmpty }.map { Bytes.text($0) }
    }

    /// What a rule does: the word behind -j or -g.
    static func target(of rule: String) -> String? {
        let words = words(rule)
        guard let flag = words.firstIndex(where: { $0 == "-j" || $0 == "-g" }), flag + 1 < words.count else {
            return nil
        }
        return words[flag + 1]
    }

    /// How many rules of a chain lead to one of the mesh's chains.
    func jumps(from chain: String) -> Int {
        rules(of: chain).filter { Self.target(of: $0).map(InterceptionRules.chains.contains) ?? false }.count
    }

    /// Whether no rule before the mesh's jumps takes TCP connections away.
    var arePositionsFree: Bool {
        for chain in ["PREROUTING", "OUTPUT"] {
            for rule in rules(of: chain) {
                guard let target = Self.target(of: rule) else { continue }
                if InterceptionRules.chains.contains(target) { break }
                let words = Self.words(rule)
                let isOtherProtocol = words.firstIndex(of: "-p").map { words[$0 + 1] != "tcp" } ?? false
                let passes = target == "LOG" || target == "NFLOG" || target == "MARK"
                let leadsHere = !isOtherProtocol && !passes
                // A rule behind which no jump of ours comes is in nobody's way.
                if leadsHere, jumps(from: chain) > 0 { return false }
            }
        }
        return true
    }
}

/// A difference between the rules that are there and those that the settings call for.
struct RuleDifference: Sendable, Hashable, CustomStringConvertible {
    var chain: String
    var expected: [String]
    var found: [String]

    var description: String {
        let missing = expected.filter { !found.contains($0) }
        let extra = found.filter { !expected.contains($0) }
        if missing.isEmpty, extra.isEmpty {
            return expected.count == found.count
                ? "\(chain): the rules are in another order" : "\(chain): expected each rule once, found some repeated"
        }
        return ([missing.map { "missing: \($0)" }, extra.map { "not expected: \($0)" }].flatMap { $0 })
            .joined(separator: "; ")
    }

    /// Everything that is different. In PREROUTING and OUTPUT only the mesh's own jumps count.
    static func all(_ table: SavedTable, _ expected: InterceptionRules) -> [RuleDifference] {
        var differences: [RuleDifference] = []
        for chain in ["PREROUTING", "OUTPUT"] {
            let found = table.rules(of: chain).filter { rule in
                SavedTable.target(of: rule).map(InterceptionRules.chains.contains) ?? false
            }
            let wanted = expected.rules(of: chain)
            if found != wanted { differences.append(RuleDifference(chain: chain, expected: wanted, found: found)) }
        }
        for chain in InterceptionRules.chains {
            let (wanted, found) = (expected.rules(of: chain), table.rules(of: chain))
            if found != wanted {
                differences.append(RuleDifference(chain: chain, expected: wanted, found: found))
            } else if table.chains.contains(chain), wanted.isEmpty {
                differences.append(RuleDifference(chain: chain, expected: [], found: ["-N \(chain)"]))
            }
        }
        return differences
    }
}
