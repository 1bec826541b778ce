import DebianFormat
import Files

/// The folders in which the linker of a system finds shared libraries by itself (ld.so(8)).
package enum LibraryFolders {
    /// Whether a file lies in one of them, so that every program may need it. What is below `glibc-hwcaps` is the same
    /// library for certain processors.
    package static func contain(_ path: String) -> Bool {
        var folder = LexicalPath.split(path).folder
        let (above, name) = LexicalPath.split(LexicalPath.split(folder).folder)
        if name == "glibc-hwcaps" { folder = above }
        return Architecture.libraryFolders.contains(folder)
    }
}
