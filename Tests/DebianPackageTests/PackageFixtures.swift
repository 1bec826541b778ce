import Foundation
import TestSupport
import XCTest

@testable import DebianArchive
@testable import DebianBuild
@testable import DebianLint

/// A package as a folder for dpkg-deb: what a test changes in a sound one is what lint has to find.
struct PackageTree {
    enum Node {
        case file([UInt8], UInt16)
        case directory(UInt16)
        case link(String)
        case hardLink(String)
    }

    var fields: [(name: String, value: String)] = []
    var controlFiles: [String: (text: String, mode: UInt16)] = [:]
    var nodes: [String: Node] = [:]
    /// nil computes them, an empty text leaves them out.
    var md5sums: String?
    var installedSize: String??

    subscript(field: String) -> String? {
        get { fields.first { $0.name == field }?.value }
        set {
            if let index = fields.firstIndex(where: { $0.name == field }) {
                if let newValue { fields[index].value = newValue } else { fields.remove(at: index) }
            } else if let newValue {
                fields.append((field, newValue))
            }
        }
    }

    mutating func file(_ path: String, _ text: String, mode: UInt16 = 0o644) {
        nodes[path] = .file(Array(text.utf8), mode)
    }

    mutating func script(_ name: String, _ text: String, mode: UInt16 = 0o755) {
        controlFiles[name] = (text, mode)
    }

    mutating func replace(in path: String, _ old: String, _ new: String) {
        guard case .file(let bytes, let mode) = nodes[path] else { return XCTFail("no file \(path)") }
        let text = String(decoding: bytes, as: UTF8.self)
        XCTAssertTrue(text.contains(old), "\(path) has no '\(old)'")
        nodes[path] = .file(Array(text.replacingOccurrences(of: old, with: new).utf8), mode)
    }

    mutating func replaceScript(_ name: String, _ old: String, _ new: String) {
        guard let script = controlFiles[name] else { return XCTFail("no script \(name)") }
        XCTAssertTrue(script.text.contains(old), "\(name) has no '\(old)'")
        controlFiles[name] = (script.text.replacingOccurrences(of: old, with: new), script.mode)
    }

    /// Writes the folder and has dpkg-deb build it; the file is named as dpkg names it.
    func build(
        in folder: String, checks: Bool = true, compression: [String] = ["-Zgzip", "-z1"], fileName: String? = nil
    ) throws -> String {
        let root = folder + "/root"
        let manager = FileManager.default
        try? manager.removeItem(atPath: root)
        try manager.createDirectory(atPath: root + "/DEBIAN", withIntermediateDirectories: true)
        var sums = ""
        var kibibytes = 0
        var directories: Set<String> = []
        for path in nodes.keys.sorted() {
            let target = root + path
            let parent = (target as NSString).deletingLastPathComponent
            var above = (path as NSString).deletingLastPathComponent
            while above != "/" {
                directories.insert(above)
                above = (above as NSString).deletingLastPathComponent
            }
            try manager.createDirectory(atPath: parent, withIntermediateDirectories: true)
            switch nodes[path] {
            case .file(let bytes, let mode):
                XCTAssertTrue(manager.createFile(atPath: target, contents: Data(bytes)), target)
                XCTAssertEqual(chmod(target, mode_t(mode)), 0)
                let isConffile = controlFiles["conffiles"]?.text.contains(path + "\n") ?? false
                if !isConffile { sums += "\(FileDigests.of(bytes).md5)  \(path.dropFirst())\n" }
                kibibytes += (bytes.count + 1023) / 1024
            case .directory(let mode):
                try manager.createDirectory(atPath: target, withIntermediateDirectories: true)
                XCTAssertEqual(chmod(target, mode_t(mode)), 0)
                directories.insert(path)
            case .link(let text):
                XCTAssertEqual(symlink(text, target), 0)
                kibibytes += 1
            case .hardLink(let other):
                XCTAssertEqual(link(root + other, target), 0)
                kibibytes += 1
            case nil: break
            }
        }
        kibibytes += directories.count + 1
        for (name, file) in controlFiles {
            let path = root + "/DEBIAN/" + name
            XCTAssertTrue(manager.createFile(atPath: path, contents: Data(file.text.utf8)))
            XCTAssertEqual(chmod(path, mode_t(file.mode)), 0)
        }
        let checksums = md5sums ?? sums
        if !checksums.isEmpty {
            try checksums.write(toFile: root + "/DEBIAN/md5sums", atomically: false, encoding: .utf8)
        }
        var control = fields
        switch installedSize {
        case .none: control.append(("Installed-Size", "\(kibibytes)"))
        case .some(.some(let text)): control.append(("Installed-Size", text))
        case .some(.none): break
        }
        control.sort { $0.name != "Description" && $1.name == "Description" }
        try control.map { "\($0.name): \($0.value)\n" }.joined()
            .write(toFile: root + "/DEBIAN/control", atomically: false, encoding: .utf8)
        // The umask of whoever runs the tests must not decide.
        for directory in directories {
            if case .directory = nodes[directory] { continue }
            chmod(root + directory, 0o755)
        }
        chmod(root, 0o755)
        chmod(root + "/DEBIAN", 0o755)
        for path in (try manager.subpathsOfDirectory(atPath: root + "/DEBIAN")) where controlFiles[path] == nil {
            chmod(root + "/DEBIAN/" + path, 0o644)
        }
        var version = self["Version"] ?? "0"
        if let colon = version.firstIndex(of: ":") { version = String(version[version.index(after: colon)...]) }
        let name = fileName ?? "\(self["Package"] ?? "none")_\(version)_\(self["Architecture"] ?? "none").deb"
        let output = folder + "/" + name
        try? manager.removeItem(atPath: output)
        try oracle(
            "dpkg-deb",
            ["--root-owner-group"] + compression + (checks ? [] : ["--nocheck"]) + ["--build", root, output])
        return output
    }
}

/// Real programs that have to succeed, in one locale and time zone.
@discardableResult
func oracle(_ program: String, _ arguments: [String], workingDirectory: String? = nil) throws -> String {
    let result = try run(
        program, arguments, environment: ["LC_ALL": "C.UTF-8", "TZ": "UTC"], workingDirectory: workingDirectory)
    guard result.status == 0 else { throw OracleFailure(description: "\(program) \(arguments): \(result.errors)") }
    return result.output
}

/// A program that failed.
struct OracleFailure: Error, CustomStringConvertible {
    var description: String
}
