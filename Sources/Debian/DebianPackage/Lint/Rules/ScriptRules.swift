import DebianFormat

/// Rules for the form of maintainer scripts (Policy 6).
enum ScriptRules {
    static let all = [permissions, interpreter, errorExit, ignoresArguments, marker, carriageReturns]

    static let permissions = LintRule(
        "DB0301", .error, "maintainer script has bad permissions", remedy: "set its mode to 0755",
        reference: "dpkg-deb(1), Debian Policy 6.1"
    ) { subject in
        files(subject).filter { $0.permissions & 0o7557 != 0o555 }.map {
            .init(
                $0.name,
                "maintainer script '\($0.name)' has bad permissions \(ModeText.octal($0.permissions)) "
                    + "(must be >=0555 and <=0775)")
        }
    }

    static let interpreter = LintRule(
        "DB0302", .error, "maintainer script names no interpreter", remedy: "begin it with '#!/bin/sh'",
        reference: "Debian Policy 6.1 and 10.4"
    ) { subject in
        files(subject).compactMap { file in
            if file.bytes.isEmpty { return .init(file.name, "is empty") }
            if file.bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) { return nil }
            let interpreter = ShellScript(Array(file.bytes.prefix(256))).interpreter
            guard let interpreter else { return .init(file.name, "does not begin with '#!'") }
            return interpreter.hasPrefix("/") ? nil : .init(file.name, "names the interpreter '\(interpreter)'")
        }
    }

    static let errorExit = LintRule(
        "DB0303", .warning, "maintainer script goes on after a failure", remedy: "write 'set -e' in its second line",
        reference: "Debian Policy 10.4"
    ) { subject in
        subject.scripts.filter { _, script in !script.isEmpty && !stopsOnFailure(script) }.map { name, _ in
            .init(name.rawValue, "has no 'set -e'")
        }
    }

    static let ignoresArguments = LintRule(
        "DB0304", .error, "maintainer script ignores what it is called for",
        remedy: "act on \"$1\": configure in postinst, remove and upgrade in prerm, purge in postrm",
        reference: "Debian Policy 6.5"
    ) { subject in
        subject.scripts.filter { name, script in
            name != .config && !script.usesArguments && !script.isEmpty
        }.map { name, _ in .init(name.rawValue, "never looks at its arguments and does the same on every call") }
    }

    static let marker = LintRule(
        "DB0316", .error, "a marker for generated snippets is left in a script",
        remedy: "build with a program that replaces it, or remove the line", reference: "debhelper(7)"
    ) { subject in
        files(subject).filter { file in
            TextLines.of(file.bytes).contains { $0.drop { $0 == " " || $0 == "\t" }.hasPrefix("#DEBHELPER#") }
        }.map { .init($0.name, "still has the line #DEBHELPER#") }
    }

    static let carriageReturns = LintRule(
        "DB0317", .error, "maintainer script has DOS line ends", remedy: "end its lines with a newline alone",
        reference: "Debian Policy 10.4"
    ) { subject in
        files(subject).filter { $0.bytes.prefix { $0 != UInt8(ascii: "\n") }.last == UInt8(ascii: "\r") }.map {
            .init($0.name, "ends its first line with a carriage return: the kernel looks for such an interpreter")
        }
    }

    private static func files(_ subject: LintSubject) -> [ControlFile] {
        MaintainerScriptName.allCases.compactMap { subject.image.controlFile($0.rawValue) }
    }

    private static func stopsOnFailure(_ script: ShellScript) -> Bool {
        let options = script.interpreterArguments.filter { $0.hasPrefix("-") && !$0.hasPrefix("--") }
        if options.contains(where: { $0.contains("e") }) { return true }
        return script.commands(running: ["set"]).contains { command in
            command.arguments.contains { $0.hasPrefix("-") && $0.contains("e") }
                || command.arguments.contains("errexit")
        }
    }
}
