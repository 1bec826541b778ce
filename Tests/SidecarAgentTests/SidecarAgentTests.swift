import XCTest

final class SidecarAgentTests: XCTestCase {}
