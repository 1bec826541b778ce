import HostProbes
import Synchronization

/// One look at a subject that ends in time, whatever the probe does.
enum Look {
    /// What is seen, or why nothing is.
    typealias Outcome = Result<Observation, ProbeError>

    /// How long a probe that was told to stop may take to say what kept it.
    private static let grace = Duration.milliseconds(200)

    /// Looks. A probe that does not stop when it is cancelled is left to itself, so that it delays nobody.
    static func observe(
        _ type: any Probe.Type, _ request: ProbeRequest, host: Host, watch: DeadlineWatch, limit: Duration
    ) async -> Outcome {
        let answer = OneAnswer<Outcome>()
        let looking = Task {
            do throws(ProbeError) {
                answer.give(.success(try await type.init(host: host).observe(request)))
            } catch {
                answer.give(.failure(error))
            }
        }
        let cancelling = watch.add(at: request.deadline) { looking.cancel() }
        let leaving = watch.add(at: request.deadline + grace) {
            answer.give(.failure(late(type.kind.name, limit)))
        }
        defer {
            watch.remove(cancelling)
            watch.remove(leaving)
        }
        return await withTaskCancellationHandler {
            await answer.value
        } onCancel: {
            looking.cancel()
            answer.give(.failure(late(type.kind.name, limit)))
        }
    }

    private static func late(_ kind: String, _ limit: Duration) -> ProbeError {
        ProbeError(.timedOut, "look at the \(kind)", expected: "an answer within \(limit)", found: "none")
    }
}

/// An answer that is given once; who gives it later is not heard.
final class OneAnswer<Value: Sendable>: Sendable {
    private enum State {
        case open
        case waiting(CheckedContinuation<Value, Never>)
        case given(Value)
    }

    private let state = Mutex(State.open)

    /// Gives the answer, unless there is one.
    func give(_ value: Value) {
        let waiting: CheckedContinuation<Value, Never>? = state.withLock { state in
            switch state {
            case .open: state = .given(value)
            case .waiting(let continuation):
                state = .given(value)
                return continuation
            case .given: break
            }
            return nil
        }
        waiting?.resume(returning: value)
    }

    /// The answer, as soon as there is one. To be asked for once.
    var value: Value {
        get async {
            await withCheckedContinuation { continuation in
                let given: Value? = state.withLock { state in
                    if case .given(let value) = state { return value }
                    state = .waiting(continuation)
                    return nil
                }
                if let given { continuation.resume(returning: given) }
            }
        }
    }
}
