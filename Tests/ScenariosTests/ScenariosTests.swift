import XCTest

final class ScenariosTests: XCTestCase {}
