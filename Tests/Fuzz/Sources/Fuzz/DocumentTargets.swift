import Documents

@testable import DebianBuild

extension FuzzTarget {
    /// `package.yaml`, which may include itself, and `workspace.yaml`: read, expanded, decoded and reported.
    static let yaml = FuzzTarget(name: "yaml") { bytes in
        struct Missing: Error {}
        let resolver = IncludeResolver(
            schema: SpecShapes.package.schema,
            readFile: { path in
                guard path == "package.yaml" || path == "a.yaml" else { throw Missing() }
                return path == "package.yaml" ? bytes : Array("summary: x\nvariables: {a: b}\n".utf8)
            })
        var diagnostics = Diagnostics()
        var isDecoded = false
        if let node = resolver.load("package.yaml", diagnostics: &diagnostics) {
            var scope = VariableScope(environment: ["HOME": "/root"])
            scope.define(node[key: "variables"], diagnostics: &diagnostics)
            let expanded = VariableExpansion.expand(
                node.removing(keys: ["variables"]), scope: scope, diagnostics: &diagnostics)
            if let expanded { isDecoded = SpecShapes.package.decode(expanded, &diagnostics) != nil }
            var other = Diagnostics()
            _ = SpecShapes.workspace.decode(node, &other)
            render(other)
        }
        expect(isDecoded || diagnostics.hasErrors, "refused without a reason")
        render(diagnostics)
    }

    private static func render(_ diagnostics: Diagnostics) {
        for diagnostic in diagnostics.all {
            guard let range = diagnostic.range else { continue }
            expect(range.line >= 1 && range.column >= 1, "a place before the beginning: \(range.place)")
        }
        let text = DiagnosticRenderer.text(diagnostics)
        expect(
            !text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0.value == 0x7f },
            "a message has control characters")
        _ = DiagnosticRenderer.json(diagnostics)
    }

    /// A pattern, and paths below it, a line each.
    static let glob = FuzzTarget(name: "glob") { bytes in
        let lines = bytes.prefix(4096).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        let pattern = GlobPattern(lines[0])
        for path in lines.dropFirst().prefix(8) {
            let matches = pattern.matches(path, isDirectory: false)
            expect(!matches || pattern.matches(path, isDirectory: true), "a file matches and a directory does not")
        }
        // A pattern of the path itself, with every byte taken as it is.
        for path in lines.dropFirst().prefix(8) where !path.isEmpty && path.utf8.last != UInt8(ascii: "/") {
            var quoted: [UInt8] = [UInt8(ascii: "/")]
            for byte in path.utf8 {
                if byte < 0x80, byte != UInt8(ascii: "/") { quoted.append(UInt8(ascii: "\\")) }
                quoted.append(byte)
            }
            if path.utf8.first == UInt8(ascii: "/") { continue }
            expect(
                GlobPattern(String(decoding: quoted, as: UTF8.self)).matches(path, isDirectory: false),
                "a path does not match itself")
        }
    }
}
