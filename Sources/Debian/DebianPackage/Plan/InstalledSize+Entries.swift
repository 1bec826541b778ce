import Archive
import DebianFormat

extension InstalledSize {
    /// KiB of a package's entries. A hard link is another name for a file that counts already.
    static func kibibytes(of kinds: some Sequence<Entry.Kind>) -> Int64 {
        var sizes: [Int64] = []
        var others = 0
        for kind in kinds {
            switch kind {
            case .file(let size): sizes.append(size)
            case .symbolicLink(let target): sizes.append(Int64(target.utf8.count))
            case .hardLink: break
            case .directory, .other: others += 1
            }
        }
        return kibibytes(files: sizes, others: others)
    }
}
