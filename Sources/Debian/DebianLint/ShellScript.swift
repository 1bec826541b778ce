import DebianArchive
import Platform

/// The commands of a POSIX shell script, as far as a reader without a shell can tell.
///
/// Comments and here-documents are left out, quotes are removed, command substitutions are searched too. It is a reader
/// for lint: what it cannot follow (`eval`, aliases) it does not see, and it never fails.
public struct ShellScript: Sendable {
    /// A redirection of one command.
    public struct Redirection: Sendable, Hashable {
        /// Such as `>` or `>>`.
        public var mode: String
        /// The word after it, quotes removed.
        public var target: String
    }

    /// A simple command.
    public struct Command: Sendable, Hashable {
        /// Its words with quotes removed; assignments and reserved words in front included.
        public var words: [String] = []
        /// Its redirections.
        public var redirections: [Redirection] = []
        /// The line that it begins on, from 1.
        public var line = 1
        /// Whether it stands behind `&&` or `||`, in a pipeline, a subshell or a substitution.
        public var isConditional = false
        /// Whether the script goes on where it fails: it stands before `&&` or `||`, or is a condition.
        public var mayFail = false

        /// The program's name without its folder; nil for assignments alone.
        public private(set) var program: String?
        /// Where the program's name stands among the words.
        private var programIndex = 0

        /// The words from the program's name on: reserved words, assignments and wrappers such as `exec` left out.
        public var invocation: ArraySlice<String> { words[programIndex...] }

        /// The words after the program's name.
        public var arguments: ArraySlice<String> { invocation.dropFirst() }

        /// Finds the program once all words are there.
        mutating func resolve() {
            var rest = words[...]
            while let word = rest.first {
                if ShellScript.reservedWords.contains(word) || ShellScript.isAssignment(word) {
                    rest = rest.dropFirst()
                } else if ShellScript.wrappers.contains(word), rest.count > 1 {
                    rest = rest.dropFirst()
                    while let option = rest.first, option.startsBytewise("-") {
                        rest = rest.dropFirst()
                        // `command -v x` asks for a program and does not run it.
                        if word == "command", option == "-v" || option == "-V" { rest = rest.suffix(0) }
                    }
                } else {
                    break
                }
            }
            programIndex = words.count - rest.count
            mayFail = mayFail || words[..<programIndex].contains { ShellScript.conditionWords.contains($0) }
            program = rest.first.map { first in
                String(decoding: first.utf8.suffix(while: { $0 != UInt8(ascii: "/") }), as: UTF8.self)
            }
        }
    }

    /// The interpreter's path after `#!`; nil without such a line.
    public let interpreter: String?
    /// The words after the interpreter on its line.
    public let interpreterArguments: [String]
    /// The commands in order.
    public let commands: [Command]
    /// The text without comments and here-documents.
    public let code: String
    /// Whether `$1`, `$@`, `$*` or `$#` is used.
    public let usesArguments: Bool
    /// Programs that the script asks for before it runs them.
    public let guardedPrograms: Set<String>
    /// Where the commands that run a program stand.
    private let positions: [String: [Int]]

    /// Larger texts are not maintainer scripts; reading stops here.
    static let sizeLimit = 1 << 20

    /// Reads a script.
    public init(_ bytes: [UInt8]) {
        var scanner = ShellScanner(Array(bytes.prefix(Self.sizeLimit)))
        scanner.scan()
        commands = scanner.commands.flatMap { [$0] + Self.embedded(in: $0) }
        code = String(decoding: scanner.code, as: UTF8.self)
        usesArguments = scanner.usesArguments
        guardedPrograms = Self.guards(in: commands)
        var positions: [String: [Int]] = [:]
        for (position, command) in commands.enumerated() {
            if let program = command.program { positions[program, default: []].append(position) }
        }
        self.positions = positions
        let words = Interpreter.words(bytes)
        interpreter = words.first
        interpreterArguments = Array(words.dropFirst())
    }

    /// The commands in the text that a shell or su gets with `-c`.
    private static func embedded(in command: Command) -> [Command] {
        guard let program = command.program, ["su", "runuser", "sh", "bash", "dash"].contains(program),
            let flag = command.words.firstIndex(of: "-c"), flag + 1 < command.words.endIndex
        else { return [] }
        var scanner = ShellScanner(Array(command.words[flag + 1].utf8))
        scanner.scan()
        return scanner.commands.map { inner in
            var inner = inner
            inner.line = command.line
            return inner
        }
    }

    /// Whether the interpreter is a shell, also by way of env(1).
    public var isShell: Bool { Self.isShell(interpreter, interpreterArguments) }

    /// Whether a text is a script that a shell runs, which its first line says.
    static func isShell(_ text: [UInt8]) -> Bool {
        let words = Interpreter.words(text)
        return isShell(words.first, Array(words.dropFirst()))
    }

    private static func isShell(_ interpreter: String?, _ arguments: [String]) -> Bool {
        guard let interpreter else { return false }
        var name = interpreter.split(separator: "/").last.map(String.init) ?? interpreter
        if name == "env" { name = arguments.first { !$0.startsBytewise("-") } ?? "" }
        return ["sh", "dash", "bash", "ash", "ksh", "mksh", "zsh"].contains(name)
    }

    /// Whether a text stands somewhere in the code.
    public func mentions(_ text: String) -> Bool { code.containsBytewise(text) }

    /// Whether the script asks for a program before it runs it, or for another one of the same package.
    func asksFor(_ program: String) -> Bool {
        let family = Self.families.first { $0.contains(program) } ?? [program]
        return !family.isDisjoint(with: guardedPrograms)
    }

    /// Programs that come together in packages of Debian's.
    private static let families: [Set<String>] = [
        ["ucf", "ucfr", "ucfq"], ["adduser", "addgroup", "deluser", "delgroup"],
        ["useradd", "userdel", "usermod", "groupadd", "groupdel", "groupmod"],
        ["iptables", "iptables-restore", "iptables-save", "ip6tables", "ip6tables-restore", "ip6tables-save"],
        ["deb-systemd-helper", "deb-systemd-invoke"],
    ]

    /// All commands that run one of the programs.
    public func commands(running programs: Set<String>) -> [Command] {
        programs.flatMap { positions[$0] ?? [] }.sorted().map { commands[$0] }
    }

    /// Whether every path through the script is only `exit`, `set`, `:` or `true`.
    public var isEmpty: Bool {
        commands.allSatisfy { command in
            guard let program = command.program else { return true }
            return [":", "true", "exit", "set", "esac", "fi", "done"].contains(program)
        }
    }

    static let reservedWords: Set<String> = [
        "if", "then", "else", "elif", "fi", "while", "until", "do", "done", "!", "{", "}", "time", "esac",
    ]
    /// Words in front of a command whose failure `set -e` passes over (XCU 2.14, set).
    static let conditionWords: Set<String> = ["if", "elif", "while", "until", "!"]
    static let wrappers: Set<String> = ["exec", "command", "nohup", "env", "builtin"]

    static func isAssignment(_ word: String) -> Bool {
        guard let equals = word.firstIndex(of: "="), equals != word.startIndex else { return false }
        return word[..<equals].utf8.enumerated().allSatisfy { index, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): index > 0
            default: false
            }
        }
    }

    private static func guards(in commands: [Command]) -> Set<String> {
        var programs: Set<String> = []
        for command in commands {
            let words = command.words.drop { reservedWords.contains($0) || isAssignment($0) }
            guard let first = words.first else { continue }
            switch first {
            case "command":
                if words.contains(where: { $0 == "-v" || $0 == "-V" }) {
                    programs.formUnion(words.dropFirst().filter { !$0.startsBytewise("-") })
                }
            case "which", "type", "hash":
                programs.formUnion(words.dropFirst().filter { !$0.startsBytewise("-") })
            case "[", "test", "[[":
                if let flag = words.firstIndex(where: { ["-x", "-e", "-f"].contains($0) }), flag + 1 < words.endIndex {
                    programs.insert(words[flag + 1].split(separator: "/").last.map(String.init) ?? "")
                }
            default:
                // A function of the script may do the asking.
                if command.mayFail { programs.formUnion(command.arguments) }
            }
        }
        return programs
    }
}

extension String.UTF8View {
    /// The bytes after the last one that fails a condition.
    fileprivate func suffix(while condition: (UInt8) -> Bool) -> Substring.UTF8View {
        var start = endIndex
        while start > startIndex, condition(self[index(before: start)]) { start = index(before: start) }
        return self[start...]
    }
}
