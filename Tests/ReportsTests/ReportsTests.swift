import XCTest

final class ReportsTests: XCTestCase {}
