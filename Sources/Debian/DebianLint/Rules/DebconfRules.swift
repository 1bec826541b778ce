import DebianArchive
import DebianFormat
import Platform

/// Rules for packages that ask questions by debconf (debconf-devel(7)).
enum DebconfRules {
    static let all = [
        templatesMalformed, configMissing, templatesMissing, dependencyMissing, answersStay, moduleNotLoaded,
    ]

    static let templatesMalformed = LintRule(
        "DB0132", .error, "templates is malformed",
        remedy: "write stanzas with Template, Type and Description, separated by empty lines",
        reference: "debconf-devel(7)"
    ) { subject in
        guard let file = subject.image.controlFile("templates") else { return [] }
        do throws(FormatError) {
            _ = try DebconfTemplates(parsing: file.text)
            return []
        } catch {
            let line = file.text.utf8.prefix(error.offset).count { $0 == UInt8(ascii: "\n") } + 1
            return [.init("templates", "line \(line): \(error)")]
        }
    }

    static let configMissing = LintRule(
        "DB0133", .warning, "templates of questions that no script asks",
        remedy: "ship a 'config' script that asks them, or leave the templates out", reference: "debconf-devel(7)"
    ) { subject in
        // A program of the package may still ask them, so this is no more than a warning.
        guard subject.image.controlFile("templates") != nil, subject.image.controlFile("config") == nil,
            !["preinst", "postinst", "prerm"].contains(where: subject.loadsDebconf)
        else { return [] }
        return [.init("templates", "is there, and no script asks the questions")]
    }

    static let templatesMissing = LintRule(
        "DB0134", .warning, "config without templates", remedy: "ship the templates of the questions that it asks",
        reference: "debconf-devel(7)"
    ) { subject in
        guard subject.image.controlFile("config") != nil, subject.image.controlFile("templates") == nil,
            !subject.depends(on: "dbconfig-common")
        else { return [] }
        return [.init("config", "is there without 'templates'")]
    }

    private static let providers = [
        "debconf", "debconf-2.0", "cdebconf", "cdebconf-udeb", "libdebconfclient0", "dbconfig-common",
    ]

    static let dependencyMissing = LintRule(
        "DB0135", .warning, "questions without a dependency on debconf",
        remedy: "add 'debconf (>= 0.5) | debconf-2.0' to Depends", reference: "debconf-devel(7)"
    ) { subject in
        guard subject.asksQuestions, !subject.isDebconf, !providers.contains(where: subject.depends) else { return [] }
        return [.init("Depends", "does not name debconf")]
    }

    static let answersStay = LintRule(
        "DB0136", .warning, "answers that outlive the package", remedy: "call db_purge in postrm when it is purged",
        reference: "debconf-devel(7)"
    ) { subject in
        guard subject.asksQuestions, !subject.isDebconf else { return [] }
        if subject.image.controlFile("postrm")?.text.containsBytewise("db_purge") ?? false { return [] }
        return [.init("postrm", "does not call db_purge")]
    }

    static let moduleNotLoaded = LintRule(
        "DB0137", .warning, "a script that does not load debconf's module",
        remedy: "begin it with '. /usr/share/debconf/confmodule'", reference: "debconf-devel(7)"
    ) { subject in
        guard subject.image.controlFile("config") != nil else { return [] }
        return ["config", "postinst"].filter { !subject.loadsDebconf($0) }.map {
            .init($0, "does not load debconf's module, so that nothing is asked where dpkg runs without apt")
        }
    }
}

extension LintedPackage {
    fileprivate var asksQuestions: Bool {
        image.controlFile("config") != nil || image.controlFile("templates") != nil
    }

    /// debconf's own packages look after themselves.
    fileprivate var isDebconf: Bool {
        ["debconf", "cdebconf"].contains(name) || relates(.provides, to: "debconf-2.0")
    }

    /// Whether a maintainer script, in whatever language, talks to debconf.
    fileprivate func loadsDebconf(_ script: String) -> Bool {
        guard let text = image.controlFile(script)?.text else { return false }
        return ["/usr/share/debconf/confmodule", "Debconf::Client::ConfModule", "import debconf", "from debconf"]
            .contains { text.containsBytewise($0) }
    }
}
