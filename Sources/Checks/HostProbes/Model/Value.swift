import MeshContract
import Platform

/// What a probe reads and what a scenario expects: one small set of types for both.
public indirect enum Value: Sendable, Hashable {
    /// There is none: a key that is not set, an owner that has no name.
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    /// A length of time.
    case duration(GoDuration)
    /// A moment, in nanoseconds since 1970.
    case time(Int64)
    case list([Value])
    case map([String: Value])
}

/// The type of a parameter or attribute, for checking a scenario before anything runs and for its schema.
public indirect enum ValueType: Sendable, Hashable {
    case bool, integer, number, text, duration, time
    case list(ValueType)
    case map(ValueType)
    /// A structure whose shape depends on what is read, such as the JSON of an answer.
    case any
}
