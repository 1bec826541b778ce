import XCTest

final class CertificateAgentTests: XCTestCase {}
