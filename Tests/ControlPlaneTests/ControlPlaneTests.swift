import XCTest

final class ControlPlaneTests: XCTestCase {}
