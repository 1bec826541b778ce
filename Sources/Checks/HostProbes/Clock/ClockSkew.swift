/// How far two clocks are apart.
enum ClockSkew {
    /// How far this clock is ahead of a server's, in nanoseconds, from the whole second that the server wrote down at
    /// some moment between request and answer. Nothing, when the times fit.
    static func between(_ date: Int64, sent: Int64, received: Int64) -> Int64 {
        // The server's clock showed something from `date` up to a second later.
        if sent > date &+ 1_000_000_000 { return sent &- date &- 1_000_000_000 }
        if received < date { return received &- date }
        return 0
    }
}
