import XCTest

final class MeshContractTests: XCTestCase {}
