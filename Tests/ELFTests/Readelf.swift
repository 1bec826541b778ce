import ELF
import TestSupport

/// What readelf(1) says about a file.
struct Readelf {
    var elfClass = ""
    var byteOrder = ""
    var type = ""
    var machine = ""
    var interpreter: String?
    var needed: [String] = []
    var soname: String?
    var runPath: String?
    var versionNeeds: [ELFFile.VersionNeed] = []
    var stackFlags: String?
    var hasSymbolTable = false
    var hasDebugInformation = false
    var buildID: String?
    var isPIE = false

    init(_ path: String) throws {
        let result = try execute(
            "readelf",
            [
                "--wide", "--file-header", "--program-headers", "--dynamic", "--version-info", "--notes", "--sections",
                path,
            ],
            environment: ["LC_ALL": "C"])
        var runPathTag = ""
        var isNeedSection = false
        for line in result.output.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            let bracketed = line.firstIndex(of: "[").map { start in
                String(line[line.index(after: start)...].prefix { $0 != "]" })
            }
            switch words.first {
            case "Class:": elfClass = words.last ?? ""
            case "Data:": byteOrder = words.dropFirst(3).joined(separator: " ")
            case "Type:": type = words.dropFirst().first ?? ""
            case "Machine:": machine = words.dropFirst().joined(separator: " ")
            case "GNU_STACK": stackFlags = words.dropFirst(6).dropLast().joined()
            case "[Requesting":
                interpreter = (bracketed?.split(separator: ":", maxSplits: 1).last).map { String($0.dropFirst()) }
            case "Version": isNeedSection = words.dropFirst().first == "needs"
            default: break
            }
            if line.contains("Build ID: ") { buildID = words.last }
            if line.contains(" .symtab ") { hasSymbolTable = true }
            if line.contains(" .debug_info ") { hasDebugInformation = true }
            if line.contains("(NEEDED)") { needed.append(bracketed ?? "") }
            if line.contains("(SONAME)") { soname = bracketed }
            if line.contains("(FLAGS_1)"), words.contains("PIE") { isPIE = true }
            if line.contains("(RUNPATH)") || (line.contains("(RPATH)") && runPathTag != "(RUNPATH)") {
                runPath = bracketed
                runPathTag = words.count > 1 ? words[1] : ""
            }
            if isNeedSection, let index = words.firstIndex(of: "File:"), index + 1 < words.count {
                versionNeeds.append(.init(library: words[index + 1], versions: []))
            } else if isNeedSection, words.count > 2, words[1] == "Name:", !versionNeeds.isEmpty {
                versionNeeds[versionNeeds.count - 1].versions.append(words[2])
            }
        }
    }
}
