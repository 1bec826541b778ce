import DebianArchive
import DebianFormat
import Documents
import Platform

/// What a package needs that asks questions by debconf (debconf-devel(7)), as dh_installdebconf(1) adds it.
struct DebconfPlanner {
    let spec: PackageSpec
    let sources: SourceFiles

    /// Debconf and what stands for it: the relation of dh_installdebconf.
    private static let relation = "debconf (>= 0.5) | debconf-2.0"
    /// What a shell script reads to talk to debconf.
    private static let module = "/usr/share/debconf/confmodule"

    /// Whether there is something to ask.
    var isUsed: Bool { spec.templates != nil || spec.scripts[.config] != nil }

    /// Relations that follow. A preinst runs before dependencies are there.
    func relations(diagnostics: inout Diagnostics) -> [RelationField.Kind: [String]] {
        guard isUsed else { return [:] }
        let isEarly = loadsModule(.preinst, diagnostics: &diagnostics)
        return [isEarly ? .preDepends : .depends: [Self.relation]]
    }

    /// The file `templates`, once it can be read by debconf.
    func templates(diagnostics: inout Diagnostics) -> ControlFile? {
        guard let file = spec.templates else {
            if let config = spec.scripts[.config], !borrowsTemplates {
                diagnostics.error(
                    "debconf-templates", "there is a 'config' script, and no templates of the questions that it asks",
                    at: config.range, help: "add 'templates: FILE' (debconf-devel(7))")
            }
            return nil
        }
        guard let bytes = sources.text(file, diagnostics: &diagnostics)?.bytes else { return nil }
        do throws(FormatError) {
            _ = try DebconfTemplates(parsing: String(decoding: bytes, as: UTF8.self))
        } catch {
            let (line, _) = TextPosition.of(offset: error.offset, in: bytes)
            diagnostics.error(
                "templates-syntax", "templates '\(file.value)' line \(line): \(error)", at: file.range,
                help: "see debconf-devel(7)")
        }
        checkLoading(file, diagnostics: &diagnostics)
        return ControlFile(name: "templates", permissions: 0o644, bytes: bytes)
    }

    /// debconf takes templates in when a script starts that reads its module; apt does it before, dpkg alone does not.
    private func checkLoading(_ file: Located<String>, diagnostics: inout Diagnostics) {
        for name in [MaintainerScriptName.config, .postinst] {
            let own = spec.scripts[name]
            guard name != .config || own != nil, !loadsModule(name, diagnostics: &diagnostics),
                !loadsModule(.preinst, diagnostics: &diagnostics)
            else { continue }
            diagnostics.warning(
                "debconf-module",
                own == nil
                    ? "there is no postinst that loads the templates"
                    : "maintainer script '\(name.rawValue)' does not load debconf's module",
                at: own?.range ?? file.range,
                help:
                    "begin \(name.rawValue) with '. \(Self.module)', or nothing is asked when dpkg installs it without apt"
            )
        }
    }

    /// The questions of dbconfig-common are in its own templates.
    private var borrowsTemplates: Bool {
        ([.depends, .preDepends].flatMap { spec.relations[$0] ?? [] }).contains { text in
            text.value.split { !($0.isLetter || $0.isNumber || $0 == "-") }.contains("dbconfig-common")
        }
    }

    private func loadsModule(_ name: MaintainerScriptName, diagnostics: inout Diagnostics) -> Bool {
        guard let file = spec.scripts[name], let bytes = sources.script(file, diagnostics: &diagnostics) else {
            return false
        }
        return TextLines.of(bytes).contains { line in
            guard let text = line.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).first else {
                return false
            }
            return text.contains(Self.module) || text.contains("Debconf::Client::ConfModule")
                || text.contains("import debconf") || text.contains("from debconf")
        }
    }
}
