import Foundation
import XCTest

/// A condition that did not come about.
public struct PollFailure: Error, CustomStringConvertible {
    /// What was waited for.
    public var description: String
}

/// The seconds after which a test gives a condition up: far beyond what a machine with much else to do needs.
public let patience: Double = 120

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

/// Polls a condition until it holds; false when the limit, in seconds, is over.
public func waitUntil(within limit: Double = patience, _ condition: () -> Bool) -> Bool {
    let end = Date().addingTimeInterval(limit)
    while Date() < end {
        if condition() { return true }
        usleep(10_000)
    }
    return condition()
}
