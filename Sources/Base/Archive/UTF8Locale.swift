import Glibc

/// The character set that libarchive takes names to be in.
///
/// libarchive asks the C library's locale, and in the C locale it refuses every name of a zip that is marked as UTF-8.
/// A thread's own locale (uselocale(3)) changes that for one call and for nobody else.
enum UTF8Locale {
    // Written once before anybody reads it, and never freed.
    nonisolated(unsafe) private static let locale: locale_t? = newlocale(LC_CTYPE_MASK, "C.UTF-8", nil)

    /// Runs the body with names as UTF-8; without such a locale on the machine, as it is.
    static func with<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        guard let locale else { return try body() }
        let previous = uselocale(locale)
        defer { uselocale(previous) }
        return try body()
    }
}
