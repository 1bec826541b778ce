import XCTest

final class MeshcheckTests: XCTestCase {}
