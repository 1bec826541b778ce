import Archive
import DebianArchive
import DebianFormat
import ELF
import Files
import Platform

/// Rules for shared libraries that are for every program (Debian Policy 8).
enum SharedLibraryRules {
    static let all = [triggerMissing, shlibsMissing, shlibsWrong, linkMissing, symbolsWrong]

    static let triggerMissing = LintRule(
        "DB0514", .error, "shared library without the ldconfig trigger",
        remedy: "add 'activate-noawait ldconfig' to triggers", reference: "Debian Policy 8.1.1"
    ) { subject in
        guard let first = subject.publicLibraries.first(where: { _ in true }) else { return [] }
        let hasTrigger = Lines(subject.image.controlFile("triggers")?.bytes ?? []).contains { line in
            guard line.bytes.drop(while: Ascii.isBlank).starts(with: "activate".utf8) else { return false }
            let words = Ascii.words(line.bytes)
            return words.count == 2 && words[1].elementsEqual("ldconfig".utf8)
        }
        return hasTrigger ? [] : [.init(first.path, "is not announced to the linker")]
    }

    static let shlibsMissing = LintRule(
        "DB0510", .error, "shared library that shlibs does not list", remedy: "add its line to shlibs",
        reference: "Debian Policy 8.6.4, deb-shlibs(5)"
    ) { subject, found in
        let listed = subject.listedLibraries
        for (path, soname) in subject.publicLibraries {
            guard let library = SharedLibraryName(soname: soname), !listed.contains(library), !isPlugin(path) else {
                continue
            }
            found.add(path, "has the soname '\(soname)', of which shlibs says nothing")
        }
    }

    static let shlibsWrong = LintRule(
        "DB0511", .error, "shlibs is malformed or for no library",
        remedy: "list each library of the package once, as 'NAME VERSION DEPENDENCY'", reference: "deb-shlibs(5)"
    ) { subject in
        guard let file = subject.image.controlFile("shlibs") else { return [] }
        if !subject.image.entries.contains(where: { $0.facts.elf?.soname.flatMap(SharedLibraryName.init) != nil }) {
            return [.init("shlibs", "is there, and no library with a version")]
        }
        do throws(FormatError) {
            _ = try ShlibsFile(parsing: file.text)
            return []
        } catch {
            return [.init("shlibs", "\(error)")]
        }
    }

    static let linkMissing = LintRule(
        "DB0512", .error, "shared library that cannot be found by its soname",
        remedy: "ship a symbolic link of that name beside it", reference: "Debian Policy 8.1"
    ) { subject, found in
        for (path, soname) in subject.publicLibraries {
            let (folder, name) = LexicalPath.split(path)
            if name == soname { continue }
            switch subject.entries[folder + "/" + soname]?.kind {
            case .symbolicLink(let target)? where target == name: break
            case .symbolicLink(let target)?:
                found.add(folder + "/" + soname, "leads to '\(target)' and not to '\(name)', which has this soname")
            case nil: found.add(path, "has the soname '\(soname)', and no link of that name is beside it")
            case .some: found.add(folder + "/" + soname, "is not a link to '\(name)', which has this soname")
            }
        }
    }

    static let symbolsWrong = LintRule(
        "DB0513", .error, "symbols is malformed or for no library",
        remedy: "ship what dpkg-gensymbols(1) writes", reference: "deb-symbols(5)"
    ) { subject in
        guard let file = subject.image.controlFile("symbols") else { return [] }
        if !subject.image.entries.contains(where: { $0.facts.elf?.soname != nil }) {
            return [.init("symbols", "is there, and no shared library")]
        }
        do throws(FormatError) {
            _ = try SymbolsControlFile(parsing: file.text)
            return []
        } catch {
            return [.init("symbols", "\(error)")]
        }
    }

    /// Plugins of the name service are opened by the C library, and nothing is linked with them.
    private static func isPlugin(_ path: String) -> Bool {
        let parts = LexicalPath.split(path).name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 3 && parts[0].startsBytewise("libnss_") && parts[1] == "so"
            && parts[2].allSatisfy(\.isNumber)
    }
}

extension LintedPackage {
    /// Shared libraries where every program finds them, with their sonames.
    fileprivate var publicLibraries: some Sequence<(path: String, soname: String)> {
        image.entries.lazy.compactMap { entry in
            guard entry.isRegularFile, let soname = entry.facts.elf?.soname, LibraryFolders.contain(entry.path) else {
                return nil
            }
            return (entry.path, soname)
        }
    }

    /// The libraries that `shlibs` lists for packages of every type.
    fileprivate var listedLibraries: Set<SharedLibraryName> {
        Set(
            ShlibsFile.readableEntries(of: image.controlFile("shlibs")?.bytes ?? []).compactMap {
                $0.type == nil ? $0.library : nil
            })
    }
}
