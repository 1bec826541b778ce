import Foundation
import MeshContract
import XCTest

@testable import NodeAgent

/// The agent's decisions, with clocks that only exist here.
final class RenewalMachineTests: XCTestCase {
    private var now = Moment(wall: Date(timeIntervalSince1970: 1_700_000_000), elapsed: .seconds(100))

    private func pass(_ seconds: Double) {
        now.wall.addTimeInterval(seconds)
        now.elapsed += .milliseconds(Int64(seconds * 1000))
    }

    private func lifetime(_ seconds: Double) -> RenewalMachine.Lifetime {
        RenewalMachine.Lifetime(notBefore: now.wall, notAfter: now.wall.addingTimeInterval(seconds))
    }

    private func machine(_ configure: (inout AgentConfiguration) -> Void = { _ in }) -> RenewalMachine {
        var configuration = AgentConfiguration()
        configure(&configuration)
        return RenewalMachine(configuration)
    }

    func testAHealthyAgentLogsTheContractsLines() {
        var machine = machine()
        var (log, step) = machine.handle(.started, at: now)
        XCTAssertEqual(log.map(\.message), [NodeAgentMessage.started, "Sending CSR (retrial #0) ..."])
        XCTAssertEqual(step, .attempt(retrial: 0))
        pass(1)
        (log, step) = machine.handle(
            .approved(.init(notBefore: now.wall.addingTimeInterval(-1), notAfter: now.wall.addingTimeInterval(3599))),
            at: now)
        XCTAssertEqual(log.map(\.message), ["CSR is approved successfully. Will renew cert in 29m59s"])
        XCTAssertEqual(step, .wait(.seconds(30)))
    }

    func testItRenewsAtHalfOfTheLifetime() {
        var machine = machine()
        _ = machine.handle(.started, at: now)
        _ = machine.handle(.approved(lifetime(3600)), at: now)
        pass(1799)
        XCTAssertEqual(machine.handle(.waited, at: now).step, .wait(.seconds(1)))
        pass(1)
        let (log, step) = machine.handle(.waited, at: now)
        XCTAssertEqual(step, .attempt(retrial: 0))
        XCTAssertEqual(log.map(\.message), ["Sending CSR (retrial #0) ..."])
    }

    func testGraceAndJitterMoveTheMoment() {
        var late = machine { $0.gracePercent = 25 }
        _ = late.handle(.started, at: now)
        XCTAssertEqual(
            late.handle(.approved(lifetime(3600)), at: now).log.map(\.message),
            ["CSR is approved successfully. Will renew cert in 45m0s"])
        var early = machine { $0.jitterPercent = 50 }
        _ = early.handle(.started, at: now)
        XCTAssertEqual(
            early.handle(.approved(lifetime(3600)), at: now, jitter: 1).log.map(\.message),
            ["CSR is approved successfully. Will renew cert in 15m0s"])
    }

    func testAWallClockThatIsSetForwardRenewsAtTheNextLook() {
        var machine = machine()
        _ = machine.handle(.started, at: now)
        _ = machine.handle(.approved(lifetime(3600)), at: now)
        pass(30)
        now.wall.addTimeInterval(7200)
        XCTAssertEqual(machine.handle(.waited, at: now).step, .attempt(retrial: 0))
    }

    func testAWallClockThatIsSetBackDoesNotPutTheRenewalOff() {
        var machine = machine()
        _ = machine.handle(.started, at: now)
        _ = machine.handle(.approved(lifetime(3600)), at: now)
        now.wall.addTimeInterval(-86400 * 365)
        pass(1799)
        XCTAssertEqual(machine.handle(.waited, at: now).step, .wait(.seconds(1)))
        pass(1)
        XCTAssertEqual(machine.handle(.waited, at: now).step, .attempt(retrial: 0))
    }

    func testASuspendedMachineRenewsWhenItWakes() {
        var machine = machine()
        _ = machine.handle(.started, at: now)
        _ = machine.handle(.approved(lifetime(3600)), at: now)
        // Both clocks have gone on.
        pass(86400)
        XCTAssertEqual(machine.handle(.waited, at: now).step, .attempt(retrial: 0))
    }

    func testRetriesDoubleAndEnd() {
        var machine = machine()
        _ = machine.handle(.started, at: now)
        var waits: [String] = []
        for retrial in 1...5 {
            var (log, step) = machine.handle(.failed(.notApproved(remark: "")), at: now)
            XCTAssertEqual(log.count, 1)
            waits.append(log[0].message)
            // The wall clock has no say in waits of this kind.
            now.wall.addTimeInterval(-100_000)
            while case .wait(let duration) = step {
                XCTAssertLessThanOrEqual(duration, RenewalMachine.longestWait)
                now.elapsed += duration
                (log, step) = machine.handle(.waited, at: now)
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
        let (log, step) = machine.handle(.failed(.notApproved(remark: "not you")), at: now)
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
        var machine = machine()
        _ = machine.handle(.started, at: now)
        _ = machine.handle(.failed(.responseEmpty), at: now)
        pass(5)
        XCTAssertEqual(machine.handle(.waited, at: now).step, .attempt(retrial: 1))
        _ = machine.handle(.approved(lifetime(10)), at: now)
        pass(5)
        XCTAssertEqual(machine.handle(.waited, at: now).step, .attempt(retrial: 0))
        let message = machine.handle(.failed(.responseEmpty), at: now).log.map(\.message)
        XCTAssertEqual(message, ["CSR signing failed: response empty. Will retry in 5s"])
    }

    func testALifetimeWithoutARestIsAFailure() {
        var machine = machine()
        _ = machine.handle(.started, at: now)
        let stale = RenewalMachine.Lifetime(
            notBefore: now.wall.addingTimeInterval(-3000), notAfter: now.wall.addingTimeInterval(1000))
        XCTAssertEqual(
            machine.handle(.approved(stale), at: now).log.map(\.message),
            [
                "Error getting TTL from approved cert: the certificate should have been renewed 16m40s ago",
                "Certificate parsing error. Will retry in 5s",
            ])
    }

    func testARequestToRenewEndsAnyWait() {
        var machine = machine()
        _ = machine.handle(.started, at: now)
        _ = machine.handle(.failed(.responseEmpty), at: now)
        XCTAssertEqual(machine.handle(.renewalRequested, at: now).step, .attempt(retrial: 0))
        _ = machine.handle(.approved(lifetime(3600)), at: now)
        XCTAssertEqual(machine.handle(.renewalRequested, at: now).step, .attempt(retrial: 0))
    }

    func testTheWaitIsTheContractsFormula() {
        for (percent, expected) in [(50, 1800.0), (1, 3564), (99, 36)] {
            XCTAssertEqual(
                RenewalMachine.wait(lifetime(3600), gracePercent: percent, at: now.wall), .seconds(expected))
        }
        let extreme = RenewalMachine.Lifetime(notBefore: .distantPast, notAfter: .distantFuture)
        _ = RenewalMachine.wait(extreme, gracePercent: 50, at: .distantPast)
    }
}
