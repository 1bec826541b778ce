import Glibc

/// Signal dispositions of this process.
public enum Signals {
    /// A reader that goes away is then an error of the write, not the end of the process without a word.
    public static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }
}
