import Scenarios

/// The way of a machine into the mesh: itself, names, Pilot, certificates, traffic. Each station needs the ones before.
struct MeshRoute: Sendable {
    /// A station of the way.
    enum Station: String, Sendable, CaseIterable {
        case machine, names, pilot, authority, mesh

        /// What a person calls it.
        var label: String {
            switch self {
            case .machine: "VM"
            case .names: "DNS"
            case .pilot: "Pilot"
            case .authority: "CA"
            case .mesh: "Mesh"
            }
        }

        /// What is checked there.
        var summary: String {
            switch self {
            case .machine: "packages and services"
            case .names: "names of the cluster"
            case .pilot: "discovery"
            case .authority: "certificates and their renewal"
            case .mesh: "traffic in and out"
            }
        }

        /// First parts of check ids, as in `dns.pilot.short`.
        private static let families: [String: Station] = [
            "dns": .names, "pilot": .pilot, "mixer": .pilot, "discovery": .pilot, "xds": .pilot, "istiod": .pilot,
            "ca": .authority, "certs": .authority, "nal": .authority, "token": .authority, "mesh": .mesh, "in": .mesh,
            "reg": .mesh, "bookinfo": .mesh,
        ]

        /// The station of a check: by its id, `modern.token.expiry` by its second part; the machine for all others.
        init(_ check: CheckResult) {
            let parts = check.id.utf8.split(separator: UInt8(ascii: "."), maxSplits: 2)
                .map { String(decoding: $0, as: UTF8.self) }
            self = parts.prefix(2).lazy.compactMap { Self.families[$0] }.first ?? .machine
        }
    }

    /// How a station is.
    enum State: Sendable, Hashable {
        case good, warned, broken
        /// Nothing was seen of it.
        case unknown
    }

    /// A station with what was found there.
    struct Stop: Sendable {
        var station: Station
        var state: State
        var summary: Summary
    }

    /// The stations in their order.
    let stops: [Stop]

    init(_ checks: [CheckResult]) {
        let members = Dictionary(grouping: checks) { Station($0) }
        stops = Station.allCases.map { station in
            let summary = Summary(members[station] ?? [])
            let state: State =
                summary.hasFailed
                ? .broken : summary[.warning] > 0 ? .warned : summary[.passed] > 0 ? .good : .unknown
            return Stop(station: station, state: state, summary: summary)
        }
    }

    /// The first station that is broken: what lies behind it may only follow from it.
    var firstBroken: Int? { stops.firstIndex { $0.state == .broken } }
}

/// The way into the mesh as a drawing (SVG 1.1), with the link marked that breaks it.
enum RouteDrawing {
    private static let spacing = 190
    private static let margin = 95
    private static let line = 62
    private static let radius = 26

    static func svg(_ route: MeshRoute) -> String {
        let width = 2 * margin + spacing * (route.stops.count - 1)
        let broken = route.firstBroken
        let summary =
            broken.map { "The way into the mesh is broken at \(route.stops[$0].station.label)." }
            ?? "No station of the way into the mesh is broken."
        var text = """
            <svg class="route" viewBox="0 0 \(width) 150" role="img" aria-labelledby="route-title">
            <title id="route-title">\(summary)</title>\n
            """
        for index in 1..<route.stops.count { text += link(into: index, route) }
        for (index, stop) in route.stops.enumerated() { text += station(stop, at: index, isBreak: index == broken) }
        return text + "</svg>\n"
    }

    private static func link(into index: Int, _ route: MeshRoute) -> String {
        let from = margin + spacing * (index - 1) + radius
        let to = margin + spacing * index - radius
        let stop = route.stops[index]
        let kind: String
        if route.firstBroken == index {
            kind = "broken"
        } else if let broken = route.firstBroken, index > broken {
            kind = stop.state == .good ? "good" : "beyond"
        } else {
            kind = stop.state == .unknown ? "beyond" : stop.state == .warned ? "warned" : "good"
        }
        var text = "<line class=\"link \(kind)\" x1=\"\(from)\" y1=\"\(line)\" x2=\"\(to)\" y2=\"\(line)\"/>\n"
        if kind == "broken" {
            let middle = (from + to) / 2
            text += """
                <g class="break"><circle cx="\(middle)" cy="\(line)" r="13"/>\
                <path d="M\(middle - 5) \(line - 5)l10 10m0 -10l-10 10"/></g>\n
                """
        }
        return text
    }

    private static func station(_ stop: MeshRoute.Stop, at index: Int, isBreak: Bool) -> String {
        let x = margin + spacing * index
        let (kind, symbol, word): (String, String, String)
        switch stop.state {
        case .good: (kind, symbol, word) = ("good", "✓", "\(stop.summary[.passed]) passed")
        case .warned: (kind, symbol, word) = ("warned", "!", Counted.text(stop.summary[.warning], "warning"))
        case .broken:
            (kind, symbol, word) = ("broken", "✗", "\(stop.summary[.failed] + stop.summary[.error]) failed")
        case .unknown: (kind, symbol, word) = ("unknown", "?", stop.summary.total == 0 ? "no checks" : "not seen")
        }
        return """
            <g class="station \(kind)\(isBreak ? " first" : "")"><title>\(stop.station.label): \
            \(stop.station.summary)</title>
            <circle cx="\(x)" cy="\(line)" r="\(radius)"/><text class="symbol" x="\(x)" y="\(line + 7)">\(symbol)</text>
            <text class="name" x="\(x)" y="\(line - radius - 12)">\(stop.station.label)</text>
            <text class="count" x="\(x)" y="\(line + radius + 22)">\(word)</text>
            <text class="what" x="\(x)" y="\(line + radius + 40)">\(stop.station.summary)</text></g>\n
            """
    }
}
