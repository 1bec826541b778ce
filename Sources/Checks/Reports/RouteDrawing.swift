import Scenarios

/// The way of a host to what it has to reach: stations, each of which needs the ones before.
public struct Route: Sendable {
    /// A station of the way.
    public struct Station: Sendable {
        /// What a person calls it.
        public let label: String
        /// What is checked there.
        public let summary: String
        /// First parts of the ids of its checks, as in `dns.pilot.short`; second parts count as well.
        public let families: Set<String>

        /// Creates a station.
        public init(label: String, summary: String, families: Set<String> = []) {
            self.label = label
            self.summary = summary
            self.families = families
        }
    }

    /// What the way is called, as in `the way into the mesh`.
    public let name: String
    /// The stations in their order; the first one has all checks that belong to no other.
    public let stations: [Station]

    /// Creates a route.
    public init(name: String, stations: [Station]) {
        self.name = name
        self.stations = stations
    }

    /// The station of a check, by its place.
    fileprivate func station(of check: CheckResult) -> Int {
        let parts = check.id.utf8.split(separator: UInt8(ascii: "."), maxSplits: 2).prefix(2)
            .map { String(decoding: $0, as: UTF8.self) }
        return parts.lazy.compactMap { part in stations.firstIndex { $0.families.contains(part) } }.first ?? 0
    }
}

/// A route with what was found on it.
struct RouteReport: Sendable {
    /// How a station is.
    enum State: Sendable, Hashable {
        case good, warned, broken
        /// Nothing was seen of it.
        case unknown
    }

    /// A station with what was found there.
    struct Stop: Sendable {
        var station: Route.Station
        var state: State
        var summary: Summary
    }

    /// The stations in their order.
    let stops: [Stop]

    /// What the way is called.
    let name: String

    init(_ route: Route, _ checks: [CheckResult]) {
        name = route.name
        let members = Dictionary(grouping: checks, by: route.station)
        stops = route.stations.enumerated().map { place, station in
            let summary = Summary(members[place] ?? [])
            let state: State =
                summary.hasFailed
                ? .broken : summary[.warning] > 0 ? .warned : summary[.passed] > 0 ? .good : .unknown
            return Stop(station: station, state: state, summary: summary)
        }
    }

    /// The first station that is broken: what lies behind it may only follow from it.
    var firstBroken: Int? { stops.firstIndex { $0.state == .broken } }
}

/// A route as a drawing (SVG 1.1), with the link marked that breaks it.
enum RouteDrawing {
    private static let spacing = 190
    private static let margin = 95
    private static let line = 62
    private static let radius = 26

    static func svg(_ route: RouteReport) -> String {
        let width = 2 * margin + spacing * (route.stops.count - 1)
        let broken = route.firstBroken
        let summary =
            broken.map { "The \(route.name) is broken at \(route.stops[$0].station.label)." }
            ?? "No station of the \(route.name) is broken."
        var text = """
            <svg class="route" viewBox="0 0 \(width) 150" role="img" aria-labelledby="route-title">
            <title id="route-title">\(summary)</title>\n
            """
        for index in 1..<route.stops.count { text += link(into: index, route) }
        for (index, stop) in route.stops.enumerated() { text += station(stop, at: index, isBreak: index == broken) }
        return text + "</svg>\n"
    }

    private static func link(into index: Int, _ route: RouteReport) -> String {
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

    private static func station(_ stop: RouteReport.Stop, at index: Int, isBreak: Bool) -> String {
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
