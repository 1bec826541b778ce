import Foundation
import XCTest

/// A condition that did not come about.
public struct PollFailure: Error, CustomStringConvertible {
    /// What was waited for.
    public var description: String
}

/// Waits until a condition holds; the limit is there for a test that fails, and is far beyond what any machine needs.
public func poll(
    _ what: String, limit: Duration = .seconds(patience), interval: Duration = .milliseconds(20),
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        if ContinuousClock.now > end { throw PollFailure(description: "waited \(limit) for \(what)") }
        try await Task.sleep(for: interval)
    }
}
