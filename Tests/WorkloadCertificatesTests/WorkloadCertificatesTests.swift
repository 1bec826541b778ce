import XCTest

final class WorkloadCertificatesTests: XCTestCase {}
