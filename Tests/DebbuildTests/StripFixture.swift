import Foundation
import TestSupport
import XCTest

/// A workspace whose package has machine code with and without symbols, below `hello/tree`.
final class StripFixture {
    static let architecture = (try? TestSupport.run("dpkg", ["--print-architecture"]).output)?
        .trimmingCharacters(in: .newlines)

    /// Programs and libraries of every kind that dh_strip(1) tells apart, and what it leaves as it is.
    static let everything = """
        mkdir -p tree/usr/bin tree/usr/lib/hello/debug tree/usr/lib/hello/guile/3.0 tree/usr/share/hello
        cc() { gcc -g -O1 -Wl,--build-id "$@"; }
        printf 'int f(int); int f(int x) { return x + 1; }\\n' >f.c
        printf 'int f(int);\\nint main(int n, char **v) { (void)v; return f(n); }\\n' >main.c
        cc -o tree/usr/bin/program main.c f.c
        cc -no-pie -o tree/usr/bin/fixed main.c f.c
        cc -O2 -o tree/usr/bin/daemon main.c f.c
        chmod 4755 tree/usr/bin/daemon
        cp tree/usr/bin/program tree/usr/lib/hello/copy
        cp tree/usr/bin/program tree/usr/lib/hello/data
        chmod 0644 tree/usr/lib/hello/data
        cc -Wl,--build-id=none -o tree/usr/bin/anonymous main.c f.c
        gcc -O1 -s -Wl,--build-id -DSTRIPPED -o tree/usr/bin/stripped main.c f.c
        gcc -O1 -Wl,--build-id -o tree/usr/bin/symbols main.c f.c
        cc -shared -fPIC -Wl,-soname,libplain.so.1 -o tree/usr/lib/hello/libplain.so.1 f.c
        cc -shared -fPIC -DX -o tree/usr/lib/hello/plugin.so f.c
        chmod 0644 tree/usr/lib/hello/libplain.so.1
        cp tree/usr/lib/hello/plugin.so tree/usr/lib/hello/debug/plugin.so
        cp tree/usr/lib/hello/plugin.so tree/usr/lib/hello/guile/3.0/module.go
        cc -c -o f.o f.c
        ar rc tree/usr/lib/hello/libf.a f.o
        cp tree/usr/lib/hello/libf.a tree/usr/lib/hello/libf_g.a
        cp tree/usr/lib/hello/libf.a tree/usr/lib/hello/f.a
        cp f.o tree/usr/lib/hello/f.o
        printf '/* GNU ld script */ INPUT(libf.a)\\n' >tree/usr/lib/hello/libscript.a
        printf 'text\\n' >tree/usr/share/hello/text
        """
    /// One program alone.
    static let program = """
        mkdir -p tree/usr/bin
        printf 'int main(void) { return 0; }\\n' >main.c
        gcc -g -Wl,--build-id -o tree/usr/bin/program main.c
        """

    let workspace: WorkspaceFixture
    var tree: String { workspace.path + "/hello/tree" }

    /// - Parameters:
    ///   - keys: what stands at the end of `package.yaml`.
    ///   - contents: items of `contents`, in place of the tree.
    init(
        _ keys: String = "strip: true\n", contents: String = "  - {tree: tree, to: /}\n", commands: String = program,
        workspace text: String = "", name: String = "hello"
    ) throws {
        try requireProgram("gcc")
        let architecture = try XCTUnwrap(Self.architecture)
        workspace = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML
                .replacingOccurrences(of: "architectures: [all]", with: "architectures: [\(architecture), arm64]")
                .replacingOccurrences(of: "package: hello", with: "package: \(name)")
                .replacingOccurrences(of: "contents:\n", with: "contents:\n" + contents) + keys,
            workspace: WorkspaceFixture.workspaceYAML + text)
        if name != "hello" {
            let changelog = workspace.path + "/hello/changelog"
            let old = try String(contentsOfFile: changelog, encoding: .utf8)
            try workspace.directory.file(
                "w/hello/changelog", old.replacingOccurrences(of: "hello (", with: "\(name) ("))
        }
        try make(commands)
    }

    func make(_ commands: String) throws {
        try TestSupport.run("sh", ["-euc", "umask 022\n" + commands], workingDirectory: workspace.path + "/hello")
            .check()
    }

    /// Builds and gives the names of the packages with their paths.
    @discardableResult
    func build(_ arguments: [String] = [], environment: [String: String] = [:]) throws -> [String: String] {
        let result = try workspace.debbuild(["all", "--no-lint"] + arguments, environment: environment)
        XCTAssertEqual(result.status, 0, result.errors)
        return Dictionary(
            uniqueKeysWithValues: result.output.split(separator: "\n").map(String.init).map { path in
                (String((path as NSString).lastPathComponent.prefix { $0 != "_" }), path)
            })
    }

    static func unpack(_ package: String?) throws -> TemporaryDirectory {
        let folder = try TemporaryDirectory()
        try TestSupport.run("dpkg-deb", ["-R", try XCTUnwrap(package), folder.path]).check()
        return folder
    }

    static func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    /// The regular files below a folder.
    static func files(_ folder: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder).filter { path in
            let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + path)
            return attributes[.type] as? FileAttributeType == .typeRegular
        }.sorted()
    }

    /// The sections of a file, by readelf(1).
    static func sections(_ path: String) throws -> Set<String> {
        let output = try TestSupport.run("readelf", ["--wide", "--sections", path], environment: ["LC_ALL": "C"])
            .check()
        return Set(
            output.split(separator: "\n").compactMap { line in
                line.split(separator: "]", maxSplits: 1).dropFirst().first?.split(separator: " ").first.map(String.init)
            })
    }
}
