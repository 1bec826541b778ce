import CPCRE2
import Dispatch
import Glibc

/// The memory of matches: what all of them together may have, however many there are at once.
///
/// A match that backtracks takes up to ``heapLimit``. So only a few go on at the same time, and what one has taken goes back
/// to the system when it ends: the allocator of the C library would keep it for the thread, and there are many threads.
enum MatchMemory {
    /// Memory of one match in KiB.
    static let heapLimit: UInt32 = 16 << 10
    /// Matches at once; as many as have a processor on most hosts.
    private static let slots = DispatchSemaphore(value: 4)
    /// From how many bytes on a block comes from the system and goes back there.
    private static let largeBlock = 128 << 10
    /// Bytes in front of a block that have its size, so many that the block is aligned for anything.
    private static let header = 16

    // Made once and only read from then on.
    nonisolated(unsafe) private static let context = pcre2_general_context_create_8(
        { size, _ in MatchMemory.allocate(size) }, { block, _ in MatchMemory.free(block) }, nil)

    /// Does the body with what a match of the expression needs, as soon as there is memory for it.
    static func withMatch<Result>(
        of code: OpaquePointer, _ body: (_ match: OpaquePointer?, _ context: OpaquePointer?) -> Result
    ) -> Result {
        slots.wait()
        defer { slots.signal() }
        let match = pcre2_match_data_create_from_pattern_8(code, context)
        let matchContext = pcre2_match_context_create_8(context)
        defer {
            pcre2_match_data_free_8(match)
            pcre2_match_context_free_8(matchContext)
        }
        pcre2_set_heap_limit_8(matchContext, heapLimit)
        return body(match, matchContext)
    }

    private static func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        let total = size + header
        let start: UnsafeMutableRawPointer?
        if total < largeBlock {
            start = malloc(total)
        } else {
            let block = mmap(nil, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            start = block == MAP_FAILED ? nil : block
        }
        start?.storeBytes(of: total, as: Int.self)
        return start.map { $0 + header }
    }

    private static func free(_ block: UnsafeMutableRawPointer?) {
        guard let block else { return }
        let start = block - header
        let total = start.load(as: Int.self)
        if total < largeBlock {
            Glibc.free(start)
        } else {
            munmap(start, total)
        }
    }
}
