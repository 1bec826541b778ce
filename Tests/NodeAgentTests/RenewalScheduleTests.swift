import Foundation
import MeshContract
import XCTest

@testable import NodeAgent

/// The agent's decisions, with clocks that only exist here.
final class RenewalScheduleTests: XCTestCase {
    private var now = Moment(wall: Date(timeIntervalSince1970: 1_700_000_000), elapsed: .seconds(100))

    private func pass(_ seconds: Double) {
        now.wall.addTimeInterval(seconds)
        now.elapsed += .milliseconds(Int64(seconds * 1000))
    }

    private func lifetime(_ seconds: Double) -> RenewalSchedule.Lifetime {
        RenewalSchedule.Lifetime(notBefore: now.wall, notAfter: now.wall.addingTimeInterval(seconds))
    }

    private func schedule(_ configure: (inout AgentConfiguration) -> Void = { _ in }) -> RenewalSchedule {
        var configuration = AgentConfiguration()
        configure(&configuration)
        return RenewalSchedule(configuration)
    }

    func testAHealthyAgentLogsTheContractsLines() {
        var schedule = schedule()
        var (log, step) = schedule.handle(.started, at: now)
        XCTAssertEqual(log.map(\.message), [NodeAgentMessage.started, "Sending CSR (retrial #0) ..."])
        XCTAssertEqual(step, .attempt(retrial: 0))
        pass(1)
        (log, step) = schedule.handle(
            .approved(.init(notBefore: now.wall.addingTimeInterval(-1), notAfter: now.wall.addingTimeInterval(3599))),
            at: now)
        XCTAssertEqual(log.map(\.message), ["CSR is approved successfully. Will renew cert in 29m59s"])
        XCTAssertEqual(step, .wait(.seconds(30)))
    }

    func testItRenewsAtHalfOfTheLifetime() {
        var schedule = schedule()
        _ = schedule.handle(.started, at: now)
        _ = schedule.handle(.approved(lifetime(3600)), at: now)
        pass(1799)
        XCTAssertEqual(schedule.handle(.waited, at: now).step, .wait(.seconds(1)))
        pass(1)
        let (log, step) = schedule.handle(.waited, at: now)
        XCTAssertEqual(step, .attempt(retrial: 0))
        XCTAssertEqual(log.map(\.message), ["Sending CSR (retrial #0) ..."])
    }

    func testGraceAndJitterMoveTheMoment() {
        var late = schedule { $0.gracePercent = 25 }
        _ = late.handle(.started, at: now)
        XCTAssertEqual(
            late.handle(.approved(lifetime(3600)), at: now).log.map(\.message),
            ["CSR is approved successfully. Will renew cert in 45m0s"])
        var early = schedule { $0.jitterPercent = 50 }
        _ = early.handle(.started, at: now)
        XCTAssertEqual(
            early.handle(.approved(lifetime(3600)), at: now, jitter: 1).log.map(\.message),
            ["CSR is approved successfully. Will renew cert in 15m0s"])
    }

    func testAWallClockThatIsSetForwardRenewsAtTheNextLook() {
        var schedule = schedule()
        _ = schedule.handle(.started, at: now)
        _ = schedule.handle(.approved(lifetime(3600)), at: now)
        pass(30)
        now.wall.addTimeInterval(7200)
        XCTAssertEqual(schedule.handle(.waited, at: now).step, .attempt(retrial: 0))
    }

    func testAWallClockThatIsSetBackDoesNotPutTheRenewalOff() {
        var schedule = schedule()
        _ = schedule.handle(.started, at: now)
        _ = schedule.handle(.approved(lifetime(3600)), at: now)
        now.wall.addTimeInterval(-86400 * 365)
        pass(1799)
        XCTAssertEqual(schedule.handle(.waited, at: now).step, .wait(.seconds(1)))
        pass(1)
        XCTAssertEqual(schedule.handle(.waited, at: now).step, .attempt(retrial: 0))
    }

    func testASuspendedMachineRenewsWhenItWakes() {
        var schedule = schedule()
        _ = schedule.handle(.started, at: now)
        _ = schedule.handle(.approved(lifetime(3600)), at: now)
        // Both clocks have gone on.
        pass(86400)
        XCTAssertEqual(schedule.handle(.waited, at: now).step, .attempt(retrial: 0))
    }

    func testRetriesDoubleAndEnd() {
        var schedule = schedule()
        _ = schedule.handle(.started, at: now)
        var waits: [String] = []
        for retrial in 1...5 {
            var (log, step) = schedule.handle(.failed(.notApproved(remark: "")), at: now)
            XCTAssertEqual(log.count, 1)
            waits.append(log[0].message)
            // The wall clock has no say in waits of this kind.
            now.wall.addTimeInterval(-100_000)
            while case .wait(let duration) = step {
                XCTAssertLessThanOrEqual(duration, RenewalSchedule.longestWait)
                now.elapsed += duration
                (log, step) = schedule.handle(.waited, at: now)
            }
            XCTAssertEqual(step, .attempt(retrial: retrial))
            XCTAssertEqual(log.map(\.message), ["Sending CSR (retrial #\(retrial)) ..."])
        }
        XCTAssertEqual(
            waits,
            ["5s", "10s", "20s", "40s", "1m20s"].map {
                "CSR signing failed: request not approved. Will retry in \($0)"
            })
        XCTAssertEqual(now.elapsed, .seconds(100 + 155))
        let (log, step) = schedule.handle(.failed(.notApproved(remark: "not you")), at: now)
        XCTAssertEqual(step, .giveUp)
        XCTAssertEqual(
            log.map(\.message),
            [
                "The certificate authority says: not you", "CSR signing failed: request not approved.",
                "Node agent terminated with error: node agent can't get the CSR approved from Istio CA after max number "
                    + "of retries (5).",
            ])
    }

    func testASuccessBeginsTheCountAnew() {
        var schedule = schedule()
        _ = schedule.handle(.started, at: now)
        _ = schedule.handle(.failed(.responseEmpty), at: now)
        pass(5)
        XCTAssertEqual(schedule.handle(.waited, at: now).step, .attempt(retrial: 1))
        _ = schedule.handle(.approved(lifetime(10)), at: now)
        pass(5)
        XCTAssertEqual(schedule.handle(.waited, at: now).step, .attempt(retrial: 0))
        let message = schedule.handle(.failed(.responseEmpty), at: now).log.map(\.message)
        XCTAssertEqual(message, ["CSR signing failed: response empty. Will retry in 5s"])
    }

    func testALifetimeWithoutARestIsAFailure() {
        var schedule = schedule()
        _ = schedule.handle(.started, at: now)
        let stale = RenewalSchedule.Lifetime(
            notBefore: now.wall.addingTimeInterval(-3000), notAfter: now.wall.addingTimeInterval(1000))
        XCTAssertEqual(
            schedule.handle(.approved(stale), at: now).log.map(\.message),
            [
                "Error getting TTL from approved cert: the certificate should have been renewed 16m40s ago",
                "Certificate parsing error. Will retry in 5s",
            ])
    }

    func testARequestToRenewEndsAnyWait() {
        var schedule = schedule()
        _ = schedule.handle(.started, at: now)
        _ = schedule.handle(.failed(.responseEmpty), at: now)
        XCTAssertEqual(schedule.handle(.renewalRequested, at: now).step, .attempt(retrial: 0))
        _ = schedule.handle(.approved(lifetime(3600)), at: now)
        XCTAssertEqual(schedule.handle(.renewalRequested, at: now).step, .attempt(retrial: 0))
    }

    func testTheWaitIsTheContractsFormula() {
        for (percent, expected) in [(50, 1800.0), (1, 3564), (99, 36)] {
            XCTAssertEqual(
                RenewalSchedule.wait(lifetime(3600), gracePercent: percent, at: now.wall), .seconds(expected))
        }
        let extreme = RenewalSchedule.Lifetime(notBefore: .distantPast, notAfter: .distantFuture)
        _ = RenewalSchedule.wait(extreme, gracePercent: 50, at: .distantPast)
    }
}
