import Processes
import TestSupport
import XCTest

@testable import SidecarAgent

/// The state machine alone: no time passes and no process runs.
final class SupervisorTests: XCTestCase {
    private let policy = Supervisor.Policy(parentShutdown: .seconds(3), killGrace: .seconds(2))
    private let crash = Supervisor.Ending.exited(.exited(1))

    private func starts(_ actions: [Supervisor.Action]) -> [Int] {
        actions.compactMap { if case .start(let epoch) = $0 { epoch } else { nil } }
    }

    private func retryDelay(_ actions: [Supervisor.Action]) -> Duration? {
        for case .set(.retry, let delay) in actions { return delay }
        return nil
    }

    private func outcome(_ actions: [Supervisor.Action]) -> Supervisor.Outcome? {
        if case .finish(let outcome) = actions.last { outcome } else { nil }
    }

    private func running(epoch: Int = 0) -> Supervisor {
        var supervisor = Supervisor(policy: policy)
        _ = supervisor.handle(.configurationChanged)
        for next in 0..<epoch {
            _ = supervisor.handle(.live(epoch: next))
            if next > 0 { _ = supervisor.handle(.ended(epoch: next - 1, .exited(.exited(0)))) }
            _ = supervisor.handle(.configurationChanged)
        }
        _ = supervisor.handle(.live(epoch: epoch))
        if epoch > 0 { _ = supervisor.handle(.ended(epoch: epoch - 1, .exited(.exited(0)))) }
        return supervisor
    }

    func testBeginsWithEpochZero() {
        var supervisor = Supervisor(policy: policy)
        XCTAssertEqual(starts(supervisor.handle(.configurationChanged)), [0])
        XCTAssertEqual(starts(supervisor.handle(.configurationChanged)), [], "a second start before the first is live")
    }

    func testChangeStartsTheNextEpochAndTheOldOneEndsByItself() {
        var supervisor = running()
        XCTAssertEqual(starts(supervisor.handle(.configurationChanged)), [1])
        let live = supervisor.handle(.live(epoch: 1))
        XCTAssertTrue(live.contains(.set(.overdue(epoch: 0), after: .seconds(5))))
        XCTAssertFalse(live.contains { if case .signal = $0 { true } else { false } })
        let ended = supervisor.handle(.ended(epoch: 0, .exited(.exited(0))))
        XCTAssertTrue(ended.contains(.removeConfiguration(epoch: 0)))
        XCTAssertTrue(ended.contains(.note(.replaced(epoch: 0, .exited(.exited(0))))))
        XCTAssertEqual(starts(ended), [])
    }

    func testChangesDuringARestartAreOneRestartAfterIt() {
        var supervisor = running()
        XCTAssertEqual(starts(supervisor.handle(.configurationChanged)), [1])
        for _ in 0..<3 { XCTAssertEqual(starts(supervisor.handle(.configurationChanged)), []) }
        XCTAssertEqual(starts(supervisor.handle(.live(epoch: 1))), [], "the old one drains still")
        XCTAssertEqual(starts(supervisor.handle(.ended(epoch: 0, .exited(.exited(0))))), [2])
        XCTAssertEqual(starts(supervisor.handle(.live(epoch: 2))), [])
    }

    func testOldEpochThatDoesNotEndIsKilled() {
        var supervisor = running()
        _ = supervisor.handle(.configurationChanged)
        _ = supervisor.handle(.live(epoch: 1))
        XCTAssertTrue(supervisor.handle(.timer(.overdue(epoch: 0))).contains(.signal(epoch: 0, .kill)))
    }

    func testNewEpochThatFailsIsTriedAgainAndTheOldOneLeftAlone() {
        var supervisor = running()
        _ = supervisor.handle(.configurationChanged)
        for attempt in 0..<10 {
            let failed = supervisor.handle(.ended(epoch: 1, crash))
            XCTAssertEqual(retryDelay(failed), .milliseconds(200 * (1 << attempt)))
            XCTAssertFalse(failed.contains { if case .signal = $0 { true } else { false } })
            XCTAssertEqual(starts(failed), [])
            XCTAssertEqual(starts(supervisor.handle(.timer(.retry))), [1])
        }
        let last = supervisor.handle(.ended(epoch: 1, crash))
        XCTAssertTrue(last.contains(.note(.exhausted(servingEpoch: 0))))
        XCTAssertNil(outcome(last))
        XCTAssertNil(retryDelay(last))
        // A change gives it another chance.
        XCTAssertEqual(starts(supervisor.handle(.configurationChanged)), [1])
        XCTAssertEqual(retryDelay(supervisor.handle(.ended(epoch: 1, crash))), .milliseconds(200))
    }

    func testGivesUpWhenNothingRunsAfterTenRetries() {
        var supervisor = Supervisor(policy: policy)
        XCTAssertEqual(starts(supervisor.handle(.configurationChanged)), [0])
        for _ in 0..<10 {
            XCTAssertNil(outcome(supervisor.handle(.ended(epoch: 0, crash))))
            XCTAssertEqual(starts(supervisor.handle(.timer(.retry))), [0])
        }
        XCTAssertEqual(outcome(supervisor.handle(.ended(epoch: 0, crash))), .exhausted)
    }

    func testServingEpochThatEndsAfterTheRetriesAreUsedUpIsTheEnd() {
        var supervisor = running()
        _ = supervisor.handle(.configurationChanged)
        for _ in 0..<10 {
            _ = supervisor.handle(.ended(epoch: 1, crash))
            _ = supervisor.handle(.timer(.retry))
        }
        _ = supervisor.handle(.ended(epoch: 1, crash))
        XCTAssertEqual(outcome(supervisor.handle(.ended(epoch: 0, crash))), .exhausted)
    }

    func testHealthyPeriodForgetsFailures() {
        var supervisor = running()
        _ = supervisor.handle(.ended(epoch: 0, crash))
        _ = supervisor.handle(.timer(.retry))
        _ = supervisor.handle(.live(epoch: 0))
        var unhealthy = supervisor
        XCTAssertEqual(retryDelay(unhealthy.handle(.ended(epoch: 0, crash))), .milliseconds(400))
        _ = supervisor.handle(.timer(.healthy(epoch: 0)))
        XCTAssertEqual(retryDelay(supervisor.handle(.ended(epoch: 0, crash))), .milliseconds(200))
    }

    func testNothingRunningMeansEpochZero() {
        var supervisor = running(epoch: 3)
        _ = supervisor.handle(.ended(epoch: 3, crash))
        XCTAssertEqual(starts(supervisor.handle(.timer(.retry))), [0])
    }

    func testEpochThatFailsWhileItsPredecessorDrainsTakesThatAlong() {
        var supervisor = running()
        _ = supervisor.handle(.configurationChanged)
        _ = supervisor.handle(.live(epoch: 1))
        let failed = supervisor.handle(.ended(epoch: 1, crash))
        XCTAssertTrue(failed.contains(.signal(epoch: 0, .terminate)))
        XCTAssertEqual(starts(supervisor.handle(.timer(.retry))), [], "epoch 0 is there still")
        XCTAssertEqual(starts(supervisor.handle(.ended(epoch: 0, .exited(.exited(0))))), [0])
    }

    func testExitWithStatusZeroOfTheServingEpochIsAFailureToo() {
        var supervisor = running()
        XCTAssertNotNil(retryDelay(supervisor.handle(.ended(epoch: 0, .exited(.exited(0))))))
    }

    func testTerminationEndsAllAndThenKills() {
        var supervisor = running()
        _ = supervisor.handle(.configurationChanged)
        let actions = supervisor.handle(.terminate)
        XCTAssertTrue(actions.contains(.signal(epoch: 0, .terminate)))
        XCTAssertTrue(actions.contains(.signal(epoch: 1, .terminate)))
        XCTAssertTrue(actions.contains(.set(.kill, after: .seconds(2))))
        XCTAssertEqual(starts(supervisor.handle(.configurationChanged)), [])
        XCTAssertTrue(supervisor.handle(.timer(.kill)).contains(.signal(epoch: 1, .kill)))
        XCTAssertNil(outcome(supervisor.handle(.ended(epoch: 1, crash))))
        XCTAssertEqual(outcome(supervisor.handle(.ended(epoch: 0, crash))), .terminated)
    }

    func testSecondRequestToEndKillsAtOnce() {
        var supervisor = running()
        _ = supervisor.handle(.terminate)
        XCTAssertEqual(supervisor.handle(.terminate), [.signal(epoch: 0, .kill)])
    }

    func testTerminationWhileWaitingForARetry() {
        var supervisor = Supervisor(policy: policy)
        _ = supervisor.handle(.configurationChanged)
        _ = supervisor.handle(.ended(epoch: 0, .notStarted(reason: "no")))
        XCTAssertEqual(outcome(supervisor.handle(.terminate)), .terminated)
    }

    /// Whatever comes in whatever order: never two starts at a time, never more than two Envoys, no epoch twice.
    func testInvariantsHoldForRandomEvents() {
        var generator = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 1...UInt64.max, using: &generator)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            var supervisor = Supervisor(policy: policy)
            var present: Set<Int> = []
            var starting: Set<Int> = []
            var isFinished = false
            func apply(_ event: Supervisor.Event) {
                for action in supervisor.handle(event) {
                    XCTAssertFalse(isFinished, "something after the end, seed \(seed)")
                    switch action {
                    case .start(let epoch):
                        XCTAssertTrue(starting.isEmpty, "two starts, seed \(seed)")
                        XCTAssertFalse(present.contains(epoch), "seed \(seed)")
                        present.insert(epoch)
                        starting.insert(epoch)
                        XCTAssertLessThanOrEqual(present.count, 2, "seed \(seed)")
                        XCTAssertEqual(epoch, present.count == 1 ? 0 : epoch, "seed \(seed)")
                    case .finish:
                        isFinished = true
                        XCTAssertEqual(present, [], "seed \(seed)")
                    default: break
                    }
                }
            }
            apply(.configurationChanged)
            for _ in 0..<300 where !isFinished {
                switch Int.random(in: 0..<10, using: &random) {
                case 0...2: apply(.configurationChanged)
                case 3...5: if let epoch = starting.popFirst() { apply(.live(epoch: epoch)) }
                case 6...7:
                    if let epoch = present.randomElement(using: &random) {
                        present.remove(epoch)
                        starting.remove(epoch)
                        apply(.ended(epoch: epoch, crash))
                    }
                case 8: apply(.timer(.retry))
                default: if Int.random(in: 0..<50, using: &random) == 0 { apply(.terminate) }
                }
            }
        }
    }
}
