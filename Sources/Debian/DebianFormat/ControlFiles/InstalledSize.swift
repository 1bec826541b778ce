/// `Installed-Size` (deb-substvars(5)).
public enum InstalledSize {
    /// KiB: each file rounded up, and one for each directory, link or other object.
    ///
    /// - Parameters:
    ///   - files: sizes of files in bytes, each hard-linked file once. dpkg takes a symbolic link's target for its
    ///     contents, which is one KiB for each of up to 1024 bytes. A negative size counts as 0.
    ///   - others: the number of further objects.
    /// - Returns: the sum; Int64.max where it would be larger.
    public static func kibibytes(files: some Sequence<Int64>, others: Int) -> Int64 {
        files.reduce(Int64(max(0, others))) { sum, size in
            let bytes = max(0, size)
            let (total, overflow) = sum.addingReportingOverflow(bytes / 1024 + (bytes % 1024 == 0 ? 0 : 1))
            return overflow ? .max : total
        }
    }
}
