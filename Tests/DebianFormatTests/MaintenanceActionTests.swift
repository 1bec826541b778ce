import DebianFormat
import Foundation
import TestSupport
import XCTest

/// Lines of maintscript files: what the helper takes, and where the fault is in what it does not.
final class MaintenanceActionTests: XCTestCase {
    func testWhatALineSays() throws {
        let moved = try MaintenanceAction("mv_conffile  /etc/a/old\t/etc/a/new 1:1.2-3~ hello:amd64 ")
        XCTAssertEqual(moved.kind, .moveConffile)
        XCTAssertEqual(moved.path, "/etc/a/old")
        XCTAssertEqual(moved.target, "/etc/a/new")
        XCTAssertEqual(moved.lastVersion?.description, "1:1.2-3~")
        XCTAssertEqual(moved.owner, "hello:amd64")
        XCTAssertEqual(moved.description, "mv_conffile /etc/a/old /etc/a/new 1:1.2-3~ hello:amd64")
        for text in [
            "rm_conffile /etc/foo", "rm_conffile /etc/foo 1.0~", "rm_conffile /etc/foo 1.0~ other",
            "symlink_to_dir /usr/share/doc/x ../y 2", "dir_to_symlink /usr/lib/x /usr/share/y 2",
        ] {
            XCTAssertEqual(try MaintenanceAction(text).description, text)
        }
    }

    func testFaultsHaveTheirPlaces() {
        for (text, offset) in [
            ("", 0), ("rm_conf /etc/x", 0), (" rmconffile /x", 1), ("rm_conffile", 11), ("rm_conffile etc/x", 12),
            ("rm_conffile /etc//x", 17), ("rm_conffile /etc/../x", 17), ("rm_conffile /etc/x/", 18),
            ("rm_conffile /etc/x one", 19), ("rm_conffile /etc/x 1_0", 20), ("rm_conffile /etc/x 1 Up", 21),
            ("rm_conffile /etc/x 1 up:none", 21), ("rm_conffile /etc/x 1 up down", 24),
            ("mv_conffile /etc/x", 18), ("mv_conffile /etc/x y", 19), ("dir_to_symlink /x", 17),
            ("dir_to_symlink /x -y", 18), ("symlink_to_dir /x ~y", 18), ("rm_conffile /etc/$x", 17),
            ("rm_conffile /etc/x;reboot", 18), ("rm_conffile /etc/`x`", 17), ("rm_conffile '/etc/x'", 12),
            ("rm_conffile /etc/x -- up", 19), ("rm_conffile /etc/x\n1", 18), ("rm_conffile /etc/x*", 18),
            ("rm_conffile /etc/\u{e9}", 17),
        ] {
            XCTAssertEqual(faultOffset { _ = try MaintenanceAction(text) }, offset, text.debugDescription)
        }
    }
}
