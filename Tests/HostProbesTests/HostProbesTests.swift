import XCTest

final class HostProbesTests: XCTestCase {}
