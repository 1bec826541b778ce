import DebianArchive
import Files
import Platform

/// Copies an index of packages with changes, one package name after the other.
struct IndexRewrite {
    /// What became of an index.
    struct Outcome {
        /// Packages that are in it now and were not.
        var added: [IndexEntry] = []
        /// Packages that were in it.
        var removed: [IndexEntry] = []
        /// By name, the version that is the newest now, where it was another one; nil where there is none.
        var newest: [String: IndexEntry?] = [:]
        /// Whether anything is different.
        var isChanged = false
    }

    /// The index as it is; nil for none.
    var reader: PackageIndexReader?
    var name: String
    /// By name.
    var additions: [String: [IndexEntry]] = [:]
    /// Whether ``Outcome/newest`` has every name.
    var tellsAllNewest = false
    /// Changes the versions of one package, which are in ascending order.
    var change: (_ versions: inout [IndexEntry]) throws(RepositoryError) -> Void = { _ throws(RepositoryError) in }

    /// - Parameter output: nil to find out only.
    func run(to output: IndexOutput?) throws(RepositoryError) -> Outcome {
        var outcome = Outcome()
        var names = additions.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }[...]
        var pending = try reader?.next()
        while true {
            let name: String
            switch (pending?.package, names.first) {
            case (let read?, let added?): name = added.utf8.lexicographicallyPrecedes(read.utf8) ? added : read
            case (let one?, nil), (nil, let one?): name = one
            case (nil, nil): return outcome
            }
            var before: [IndexEntry] = []
            while let entry = pending, entry.package == name {
                before.append(entry)
                pending = try reader?.next()
            }
            if let pending, pending.package.utf8.lexicographicallyPrecedes(name.utf8) {
                throw RepositoryError(
                    .input, "index-unsorted", "\(self.name) has '\(pending.package)' behind '\(name)'",
                    help: "it was not written by debbuild, which cannot change it")
            }
            if names.first == name { names.removeFirst() }
            var after =
                before
                + (try additions[name].map { new throws(RepositoryError) in try self.new(new, besides: before) } ?? [])
            after.sort { left, right in left.order(before: right) ?? (left.architecture < right.architecture) }
            try change(&after)
            for entry in after { try output?.write(entry.bytes + [UInt8(ascii: "\n")]) }
            note(before, after, name, &outcome)
        }
    }

    private func note(_ before: [IndexEntry], _ after: [IndexEntry], _ name: String, _ outcome: inout Outcome) {
        let (old, new) = (Set(before.map(\.path)), Set(after.map(\.path)))
        outcome.added += after.filter { !old.contains($0.path) }
        outcome.removed += before.filter { !new.contains($0.path) }
        if tellsAllNewest || before.last?.path != after.last?.path { outcome.newest[name] = .some(after.last) }
        if old != new || !zip(before, after).allSatisfy({ $0.phase == $1.phase }) { outcome.isChanged = true }
    }

    /// What is really new of the additions: the same bytes again are nothing, others under the same name are refused.
    private func new(_ additions: [IndexEntry], besides known: [IndexEntry]) throws(RepositoryError) -> [IndexEntry] {
        var result: [IndexEntry] = []
        for entry in additions {
            guard let other = known.first(where: { $0.isSame(as: entry) || $0.path == entry.path }) else {
                result.append(entry)
                continue
            }
            if other.sha256 != entry.sha256 || other.path != entry.path { throw Self.taken(entry, by: other) }
        }
        return result
    }

    static func taken(_ entry: IndexEntry, by other: IndexEntry) -> RepositoryError {
        RepositoryError(
            .input, "name-taken",
            "\(entry.package) \(entry.version) for \(entry.architecture) is published with other contents (SHA-256 "
                + "\(other.sha256.prefix(12))… as \(other.path), this one has \(entry.sha256.prefix(12))…)",
            help: "give the new package a new version; clients that have the old one would never get this one")
    }
}

/// A package file that is to be added.
struct Candidate: Sendable {
    /// The file.
    var file: String
    var entry: IndexEntry
    var contents: ContentsIndex.Files
}
