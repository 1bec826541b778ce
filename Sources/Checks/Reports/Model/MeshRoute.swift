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
