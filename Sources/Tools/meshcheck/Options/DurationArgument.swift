import ArgumentParser
import MeshContract
import Platform

/// A length of time on the command line, always with its unit: `500ms`, `30s`, `1m30s`.
struct DurationArgument: ExpressibleByArgument {
    let value: Duration

    init?(argument: String) {
        guard let duration = GoDuration(argument), duration.nanoseconds > 0 else { return nil }
        value = duration.duration
    }

    init(seconds: Int) { value = .seconds(seconds) }

    /// As it stands in a help text.
    var defaultValueDescription: String { GoDuration(value).description }
}
