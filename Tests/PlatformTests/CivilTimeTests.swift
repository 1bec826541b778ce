import Platform
import XCTest

final class CivilTimeTests: XCTestCase {
    func testDaysOfFourCenturiesGoForthAndBack() {
        for day in stride(from: Int64(-100_000), through: 200_000, by: 1) {
            let time = CivilTime(secondsSince1970: day * 86_400 + 86_399)
            XCTAssertEqual(time.daysSince1970, day)
            XCTAssertTrue(time.isDate)
            XCTAssertEqual(time.timeText, "23:59:59")
        }
        XCTAssertEqual(CivilTime(secondsSince1970: -1).dateText, "1969-12-31")
        XCTAssertFalse(CivilTime(year: 2026, month: 2, day: 29).isDate)
        XCTAssertTrue(CivilTime(year: 2000, month: 2, day: 29).isDate)
    }

    func testTimestampsGoForthAndBack() {
        for moment in [0, 1, -1, 1_700_000_000_123_456_789, Int64.max / 2, -86_400_000_000_001] {
            XCTAssertEqual(RFC3339.nanoseconds(RFC3339.preciseText(moment)), moment)
        }
        XCTAssertEqual(RFC3339.nanoseconds("2026-11-23T05:00:00+01:00"), RFC3339.nanoseconds("2026-11-23T04:00:00Z"))
        XCTAssertNil(RFC3339.nanoseconds("2026-02-29T00:00:00Z"))
        XCTAssertNil(RFC3339.nanoseconds("2026-11-23T05:00:00"))
    }

    func testMailDates() throws {
        XCTAssertEqual(MailDate.httpSeconds("Sun, 06 Nov 1994 08:49:37 GMT"), 784_111_777)
        XCTAssertNil(MailDate.httpSeconds("Sun, 06 Nov 1994 08:49:37 CET"))
        for seconds in [Int64(0), 784_111_777, 951_782_399, 253_402_300_799] {
            let text = MailDate.text(seconds)
            XCTAssertEqual(try MailDate(text).timestamp, seconds, text)
            XCTAssertEqual(try MailDate(text).isWeekdayRight, true, text)
        }
    }
}

final class EndpointTests: XCTestCase {
    func testEndpoints() {
        XCTAssertEqual(NetworkEndpoint("istio-pilot:8080")?.description, "istio-pilot:8080")
        XCTAssertEqual(NetworkEndpoint("[2001:db8::6]:80")?.host, "2001:db8::6")
        XCTAssertEqual(NetworkEndpoint("2001:db8::6", defaultPort: 53)?.description, "[2001:db8::6]:53")
        XCTAssertEqual(NetworkEndpoint("127.0.0.1", defaultPort: 53)?.port, 53)
        for text in [
            "", ":80", "host", "host:0", "host:65536", "host:+1", "-o:80", "a b:80", "[::1", "[::1]x:80", "::1:",
        ] {
            XCTAssertNil(NetworkEndpoint(text), text)
        }
    }

    func testLookups() async throws {
        let addresses = try HostLookup.addresses(of: "127.0.0.1")
        XCTAssertEqual(addresses.map(\.address), [.v4(0x7f00_0001)])
        XCTAssertEqual(try addresses[0].routeSource(), .v4(0x7f00_0001))
        do {
            _ = try await HostLookup.addresses(of: "no-such-host.invalid", limit: .seconds(30))
            XCTFail("a name under .invalid has an address")
        } catch {
            XCTAssertFalse(error.description.isEmpty)
        }
    }
}

final class OneShotTests: XCTestCase {
    func testOnlyTheFirstValueCounts() async {
        let answer = OneShot<Int>()
        answer.resume(1)
        answer.resume(2)
        let value = await answer.value()
        XCTAssertEqual(value, 1)
    }

    func testWorkThatIgnoresItsCancellationIsLeft() async {
        let never = OneShot<Int>()
        let late = await Deadline.run(.milliseconds(20)) { await never.value() }
        XCTAssertNil(late)
        never.resume(0)
        let inTime = await Deadline.run(.seconds(60)) { 7 }
        XCTAssertEqual(inTime, 7)
    }
}
