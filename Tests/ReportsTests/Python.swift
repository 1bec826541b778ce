import Foundation
import TestSupport
import XCTest

/// Real readers of our formats.
enum Python {
    /// Runs a Python program on a document and returns what it writes; fails the test when it ends with an error.
    static func run(_ program: String, on document: String, arguments: [String] = []) throws -> String {
        let result = try TestSupport.run("python3", ["-c", program] + arguments, input: Array(document.utf8))
        XCTAssertEqual(result.status, 0, result.errors)
        return result.output
    }
}
