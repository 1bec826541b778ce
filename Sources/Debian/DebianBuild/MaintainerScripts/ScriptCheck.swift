import DebianArchive
import DebianFormat
import DebianLint
import Documents
import Platform
import Processes

/// What can be wrong with a maintainer script of the user's own.
enum ScriptCheck {
    /// A script that generated lines go into: it has to be a shell's, and to reach them.
    static func check(
        _ bytes: [UInt8], _ name: MaintainerScriptName, _ file: Located<String>, diagnostics: inout Diagnostics
    ) {
        let script = ShellScript(bytes)
        guard script.isShell else {
            diagnostics.error(
                "script-language",
                "maintainer script '\(name.rawValue)' is run by '\(DisplayText.inline(script.interpreter ?? ""))', and lines "
                    + "for a shell have to go into it",
                at: file.range,
                help:
                    "what the package declares needs them, its units for example: begin it with '#!/bin/sh' and call your "
                    + "program from it")
            return
        }
        let marker =
            TextLines.of(bytes).firstIndex { MaintainerScriptAssembler.isMarker($0) } ?? Int.max
        if let end = topLevelEnd(script), end.line <= marker {
            diagnostics.error(
                "script-exit", "line \(end.line) of maintainer script '\(name.rawValue)' ends it before '#DEBHELPER#'",
                at: file.range, help: "move '#DEBHELPER#' above '\(end.words.joined(separator: " "))'")
        }
    }

    /// The first command outside of every condition, loop and function after which the script does not go on.
    private static func topLevelEnd(_ script: ShellScript) -> ShellScript.Command? {
        var depth = 0
        for command in script.commands {
            for word in command.words {
                switch word {
                case "if", "while", "until", "for", "case", "select", "{": depth += 1
                case "fi", "done", "esac", "}": depth = max(0, depth - 1)
                case "then", "else", "elif", "do", "!", "time": break
                default:
                    if depth == 0, !command.isConditional {
                        if word == "exit" { return command }
                        let arguments = command.words.drop { $0 != "exec" }.dropFirst()
                        if word == "exec", !arguments.isEmpty { return command }
                    }
                }
                // Only what stands first is a reserved word.
                if !["fi", "done", "esac", "}", "then", "else", "do", "{", "!", "if", "while", "until", "elif"]
                    .contains(word)
                {
                    break
                }
            }
        }
        return nil
    }

    /// What the script's own shell says of its syntax, with `-n`; nil when it is sound or the shell is not here.
    static func syntaxFault(of path: String, bytes: [UInt8]) async throws(PayloadError) -> String? {
        let script = ShellScript(bytes)
        guard script.isShell, var program = script.interpreter else { return nil }
        if program.hasSuffix("/env") { program = script.interpreterArguments.first { !$0.hasPrefix("-") } ?? "sh" }
        let name = program.split(separator: "/").last.map(String.init) ?? program
        guard ExecutablePath.find(name) != nil else { return nil }
        let outcome = try await Program.run(name, ["-n", path], purpose: "check '\(path)'")
        if outcome.status == 0 { return nil }
        return outcome.errors.isEmpty ? "\(name) -n ends with \(outcome.status)" : outcome.errors
    }
}
