import Glibc

/// A parser with what has to be true whatever it reads.
struct FuzzTarget: Sendable {
    /// The name, which is that of its folder in `Corpus`.
    let name: String
    /// Reads one input. What must not be is a trap.
    let run: @Sendable ([UInt8]) -> Void

    static let all: [FuzzTarget] = [.deb, .control, .yaml, .elf, .glob, .version]

    /// The one that the environment chooses: libFuzzer, whose `main` this program has, knows its own arguments alone.
    static let chosen: FuzzTarget = {
        let variable = "FUZZ_TARGET"
        let name = getenv(variable).map { String(cString: $0) } ?? ""
        guard let target = all.first(where: { $0.name == name }) else {
            print("\(variable) is '\(name)'; there are " + all.map(\.name).joined(separator: ", "))
            exit(2)
        }
        return target
    }()
}

/// What libFuzzer calls with each input (FuzzerInterface.h of compiler-rt).
@_cdecl("LLVMFuzzerTestOneInput")
public func readInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    FuzzTarget.chosen.run(Array(UnsafeBufferPointer(start: data, count: size)))
    return 0
}

/// Ends the program with a message, so that libFuzzer keeps the input.
func expect(_ isTrue: Bool, _ message: @autoclosure () -> String) {
    if !isTrue { fatalError(message()) }
}
