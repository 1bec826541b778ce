import Documents
import Platform

/// What an installed package has to be like, as checks for meshcheck(1): its files, units, accounts and alternatives.
///
/// The same package gives the same text. What the administrator may change is left open, or only warned of.
public struct PackageScenario: Sendable, Hashable {
    /// A unit of systemd.
    public struct Unit: Sendable, Hashable {
        /// The name.
        public var name: String
        /// Whether it has to be there after a reboot.
        public var isEnabled: Bool
        /// Whether it has to run.
        public var isRunning: Bool
        /// The ports that it listens on while it runs, such as `8080/tcp`.
        public var ports: [String]

        /// Creates a unit.
        public init(name: String, isEnabled: Bool, isRunning: Bool, ports: [String] = []) {
            self.name = name
            self.isEnabled = isEnabled
            self.isRunning = isRunning
            self.ports = ports
        }

        /// Whether it only stands for others: `name@.service`.
        var isTemplate: Bool {
            name.utf8.split(separator: UInt8(ascii: ".")).dropLast().last?.last == UInt8(ascii: "@")
        }
    }

    /// A choice of update-alternatives(1).
    public struct Alternative: Sendable, Hashable {
        /// The group's name.
        public var name: String
        /// The generic path.
        public var link: String
        /// The file that the package offers.
        public var path: String
        /// The higher one wins.
        public var priority: Int

        /// Creates a choice.
        public init(name: String, link: String, path: String, priority: Int) {
            self.name = name
            self.link = link
            self.path = path
            self.priority = priority
        }
    }

    /// Where installed packages keep their scenarios.
    public static let folder = "/usr/share/meshcheck/packages.d"
    /// What the ids of all these checks begin with.
    public static let identifierPrefix = "package."
    /// What a scenario beside a package ends with.
    public static let fileSuffix = ".meshcheck.yaml"

    /// The package's name.
    public var package: String
    /// The version.
    public var version: String
    /// The architecture, where the package can be installed for several at once.
    public var architecture: String?
    /// The files of the package.
    public var manifest = PackageManifest([])
    /// What its maintainer scripts and systemd make beside them.
    public var paths = DeclaredPaths()
    /// Users and groups.
    public var accounts = DeclaredAccounts()
    /// Units.
    public var units: [Unit] = []
    /// Alternatives.
    public var alternatives: [Alternative] = []
    /// What it was drawn up from, in a few words.
    public var origin: String

    /// Creates the scenario of a package without anything in it.
    public init(package: String, version: String, architecture: String? = nil, origin: String) {
        self.package = package
        self.version = version
        self.architecture = architecture
        self.origin = origin
    }

    /// The name of the file in ``folder``, without what it ends with.
    public var stem: String { architecture.map { "\(package)_\($0)" } ?? package }

    /// Where the package keeps it.
    public var installedPath: String { "\(Self.folder)/\(stem).yaml" }

    private var target: String { architecture.map { "\(package):\($0)" } ?? package }

    /// `+` is in names of packages and not in ids; `_` is in neither. An id has a hundred bytes at the most.
    private var prefix: String {
        let bytes = stem.utf8.prefix(50).map { $0 == UInt8(ascii: "+") ? UInt8(ascii: "_") : $0 }
        return Self.identifierPrefix + Ascii.text(bytes)
    }

    private static let nothing = JSONValue.object([("empty", .bool(true))])
    private static let booted: [(name: String, value: String)] = [("file./run/systemd/system", "exists")]

    /// The checks as a scenario.
    public var draft: ScenarioDraft {
        let installed = prefix + ".installed"
        var checks = [
            ScenarioDraft.Check(
                id: installed, title: "\(package) \(version) is installed and configured", kind: "package",
                parameters: [(nil, .string(target))],
                expectations: [("installed", .bool(true)), ("version", .string(version))]),
            ScenarioDraft.Check(
                id: prefix + ".depends", title: "Everything that \(package) depends on is installed", kind: "package",
                parameters: [(nil, .string(target))], expectations: [("depends-satisfied", .bool(true))],
                needs: [installed]),
        ]
        checks.append(
            files("files", "Every file of \(package) is there", nil, ["missing-files"], needs: installed))
        checks.append(
            files(
                "contents", "Every file of \(package) has the contents and type that it was built with", nil,
                ["modified-files"], needs: installed))
        checks.append(
            files("modes", "Every file of \(package) has its mode and owner", nil, ["wrong-modes"], needs: installed))
        checks.append(
            files(
                "capabilities", "The programs of \(package) have their capabilities and no others", nil,
                ["wrong-capabilities"], needs: installed))
        if !paths.entries.isEmpty {
            checks.append(
                files(
                    "made", "What \(package) makes on the machine is there", without(paths.entries),
                    ["missing-files", "modified-files", "wrong-modes"], needs: installed))
        }
        if !paths.adjustable.isEmpty {
            var check = files(
                "made.modes", "What \(package) makes has the mode and owner that it got", without(paths.adjustable),
                ["wrong-modes", "modified-files"], needs: installed)
            check.severity = "warning"
            checks.append(check)
        }
        checks += accountChecks(needs: installed) + unitChecks(needs: installed) + alternativeChecks(needs: installed)
        return ScenarioDraft(
            comments: [
                "What \(stem) \(version) is like on a machine, from \(origin).",
                "'meshcheck run FILE' looks whether it is so.",
            ], name: prefix, title: "\(package) \(version) is as it was built", tags: ["installed-packages"],
            variables: [("manifest", .string(manifest.text))], checks: checks)
    }

    /// The file.
    public var yaml: String { draft.yaml }

    /// The scenario of a package whose own one is lost or was changed: what dpkg's database knows.
    ///
    /// - Parameter package: the name, with `:ARCHITECTURE` where dpkg has it for several.
    public static func ofDatabase(_ package: String) -> ScenarioDraft {
        let parts = package.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1).map { Ascii.text($0) }
        let scenario = PackageScenario(
            package: parts.first ?? package, version: "", architecture: parts.count == 2 ? parts[1] : nil,
            origin: "dpkg's database")
        var draft = scenario.draft
        draft.name += ".dpkg"
        draft.variables = []
        draft.checks.removeAll { ![".files", ".contents"].map { scenario.prefix + $0 }.contains($0.id) }
        for index in draft.checks.indices {
            draft.checks[index].parameters = [(nil, .string(scenario.target))]
            draft.checks[index].needs = []
            draft.checks[index].mentionsVariables = false
            // The scenario that was changed may still be of use beside this one.
            draft.checks[index].id = draft.name + draft.checks[index].id.dropFirst(scenario.prefix.count)
        }
        draft.title = "\(package) is as dpkg knows it; its own checks are not those that it was installed with"
        return draft
    }

    /// Paths that the package itself brings are checked with its files.
    private func without(_ entries: [PackageManifest.Entry]) -> PackageManifest {
        let own = Set(manifest.entries.map(\.path))
        return PackageManifest(entries.filter { !own.contains($0.path) })
    }

    /// - Parameter manifest: nil for that of the package itself, which several checks share.
    private func files(
        _ name: String, _ title: String, _ manifest: PackageManifest?, _ attributes: [String], needs: String
    ) -> ScenarioDraft.Check {
        ScenarioDraft.Check(
            id: "\(prefix).\(name)", title: title, kind: "package",
            parameters: [
                ("name", .string(target)), ("manifest", manifest.map { .string($0.text) } ?? .string("${manifest}")),
            ], mentionsVariables: manifest == nil, expectations: attributes.map { ($0, Self.nothing) }, needs: [needs],
            timeout: "120s")
    }

    private func accountChecks(needs: String) -> [ScenarioDraft.Check] {
        accounts.users.map { user in
            var expectations: [(attribute: String, value: JSONValue)] = [("exists", .bool(true))]
            if let number = user.number { expectations.append(("uid", .int(number))) }
            if let home = user.home { expectations.append(("home", .string(home))) }
            if let shell = user.shell {
                let closed = DeclaredAccounts.closedShells
                let isClosed = closed.contains(shell)
                let choices = JSONValue.array(closed.map { .string($0) })
                expectations.append(("shell", isClosed ? .object([("one-of", choices)]) : .string(shell)))
            }
            if !user.groups.isEmpty {
                let groups = JSONValue.array(user.groups.map { .string($0) })
                expectations.append(("groups", .object([("contains-all", groups)])))
            }
            var parameters: [(name: String?, value: JSONValue)] = [(nil, .string(user.name))]
            if let home = user.home { parameters.append(("home", .string(home))) }
            if let shell = user.shell { parameters.append(("shell", .string(shell))) }
            if !user.groups.isEmpty { parameters.append(("groups", .array(user.groups.map { .string($0) }))) }
            return ScenarioDraft.Check(
                id: "\(prefix).user.\(user.name)", title: "\(package) has its user \(user.name)", kind: "user",
                parameters: parameters, expectations: expectations, needs: [needs])
        }
            + accounts.groups.map { group in
                ScenarioDraft.Check(
                    id: "\(prefix).group.\(group)", title: "\(package) has its group \(group)", kind: "group",
                    parameters: [(nil, .string(group))], expectations: [("exists", .bool(true))], needs: [needs])
            }
    }

    private func unitChecks(needs: String) -> [ScenarioDraft.Check] {
        let units = units.filter { !$0.isTemplate }
        func check(
            _ name: String, _ title: String, _ units: [Unit],
            _ expectations: [(attribute: String, value: JSONValue)]
        ) -> [ScenarioDraft.Check] {
            if units.isEmpty { return [] }
            return [
                ScenarioDraft.Check(
                    id: "\(prefix).\(name)", title: title, items: units.map { .string($0.name) }, kind: "unit",
                    parameters: [(nil, .string("${item}"))], expectations: expectations, needs: [needs],
                    conditions: Self.booted)
            ]
        }
        var checks = check(
            "units", "systemd has ${item} as \(package) brings it", units, [("load", .string("loaded"))])
        // Files of the administrator for a unit are not the package's, but whoever looks for a fault has to know of them.
        let folders = "^/(etc|run)/systemd/(system|system\\.control)/"
        let own = JSONValue.object([("not", .object([("matches", .string(folders))]))])
        let absent = JSONValue.object([("present", .bool(false))])
        let without = JSONValue.object([
            ("none", .object([("matches", .string(folders + "${item}\\.d/"))]))
        ])
        var changed = check(
            "unit-files", "Nobody has changed ${item} with files of their own", units,
            [
                ("fragment", .object([("any", .array([absent, own]))])),
                ("drop-ins", .object([("any", .array([absent, without]))])),
            ])
        for index in changed.indices {
            changed[index].severity = "info"
            changed[index].needs = ["\(prefix).units"]
        }
        checks += changed
        // One that is masked has been reported as that.
        let enabled = JSONValue.object([
            ("one-of", .array(["enabled", "enabled-runtime", "masked", "masked-runtime"].map { .string($0) }))
        ])
        checks += check(
            "enabled", "${item} starts with the machine", units.filter(\.isEnabled),
            [("enabled", enabled)])
        var running = check(
            "running", "${item} runs, or waits for what its conditions ask for", units.filter(\.isRunning),
            [("up", .bool(true)), ("stopped", Self.nothing)])
        for index in running.indices { running[index].within = "5s" }
        checks += running
        for unit in units where !unit.ports.isEmpty {
            checks.append(
                ScenarioDraft.Check(
                    id: "\(prefix).ports." + Ascii.text(unit.name.utf8.filter { Self.isIdentifier($0) }.prefix(40)),
                    title: "\(unit.name) listens on its ports while it runs", kind: "unit",
                    parameters: [
                        ("name", .string(unit.name)), ("ports", .array(unit.ports.map { .string($0) })),
                    ], expectations: [("silent-ports", Self.nothing)], needs: [needs], conditions: Self.booted,
                    within: "15s"))
        }
        return checks
    }

    private static func isIdentifier(_ byte: UInt8) -> Bool { Ascii.isAlphanumeric(byte) || "._-".utf8.contains(byte) }

    private func alternativeChecks(needs: String) -> [ScenarioDraft.Check] {
        if alternatives.isEmpty { return [] }
        let items = alternatives.map { item in
            JSONValue.object([
                ("name", .string(item.name)), ("link", .string(item.link)), ("path", .string(item.path)),
                ("priority", .int(item.priority)),
            ])
        }
        func check(
            _ name: String, _ title: String, _ expectations: [(attribute: String, value: JSONValue)]
        ) -> ScenarioDraft.Check {
            ScenarioDraft.Check(
                id: "\(prefix).\(name)", title: title, items: items, kind: "alternative",
                parameters: [
                    ("name", .string("${item.name}")), ("path", .string("${item.path}")),
                    ("generic", .string("${item.link}")), ("priority", .string("${item.priority}")),
                ],
                expectations: expectations, needs: [needs])
        }
        var chosen = check(
            "chosen", "Nobody has chosen another ${item.name} than that of \(package) by hand",
            [("chosen-otherwise", .bool(false))])
        chosen.severity = "warning"
        return [
            check(
                "alternatives",
                "${item.name} leads where update-alternatives has it, with \(package) among the choices",
                [
                    ("offered", .bool(true)), ("link", .string("${item.link}")), ("intact", .bool(true)),
                ]),
            chosen,
        ]
    }
}
