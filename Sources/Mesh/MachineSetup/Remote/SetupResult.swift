import Reports

/// What became of one machine.
public struct SetupResult: Sendable, Hashable {
    /// What a machine that was set up has.
    public struct Report: Sendable, Hashable {
        /// What was changed, in order.
        public var changed: [String] = []
        /// How many things were as they should be.
        public var unchangedCount = 0
        /// What needs a look.
        public var warnings: [String] = []
        /// The exit status of `meshcheck run`; nil when it was not asked for.
        public var checkStatus: Int32?
    }

    /// The name by which the user knows it.
    public var target: String
    /// What was done, or why it was not.
    public var outcome: Result<Report, HostFailure>

    /// The exit status that it stands for.
    public var exitStatus: Int32 {
        switch outcome {
        case .success(let report): report.checkStatus ?? 0
        case .failure(let failure):
            switch failure.reason {
            case .unreachable, .hostKeyChanged, .hostKeyUnknown, .authentication, .disconnected: 3
            case .timedOut: 4
            case .notPermitted, .refused: 2
            case .unsuitable: 1
            case .malformed: 70
            }
        }
    }

    /// One status for many machines: the one that needs the operator most.
    public static func exitStatus(of results: [SetupResult]) -> Int32 {
        let statuses = results.map(\.exitStatus)
        return [70, 2, 3, 4, 1].first { statuses.contains($0) } ?? statuses.first { $0 != 0 } ?? 0
    }
}
