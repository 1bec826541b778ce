import Certificates
import Crypto
import Files
import FoundationEssentials
import Glibc
import Platform
import SwiftASN1
import X509

/// The file of trusted roots while one root follows another.
///
/// A new root is added before anything that it signed is used, and the one before it stays until the certificates that it
/// signed have expired. Until when that is stands beside the file in `.root-cert.pem.retiring`, one line per root: the SHA-256
/// of its DER in hexadecimal and seconds since 1970. Only roots with such a line are ever removed; those that an
/// administrator put there stay.
public struct RootFile: Sendable {
    /// What is wrong.
    public enum Failure: Error, Sendable, Hashable, CustomStringConvertible {
        /// A file cannot be read or written.
        case file(FileError)
        /// The roots cannot be decoded.
        case roots(CertificateLoadError)
        /// A root that cannot be encoded again.
        case encoding(String)
        /// A line, from 1, of the file beside it is not of the form.
        case record(path: String, line: Int)

        /// The sentence for people.
        public var description: String {
            switch self {
            case .file(let error): "\(error)"
            case .roots(let error): "\(error)"
            case .encoding(let detail): "a root certificate cannot be encoded: \(detail)"
            case .record(let path, let line):
                "'\(path)' line \(line): expected a SHA-256 in hexadecimal and seconds since 1970; "
                    + "remove the file, then old roots stay for good"
            }
        }
    }

    private let file: StoredFile
    private let recordPath: String

    /// The root file at a path.
    public init(path: String) {
        file = .certificates(path)
        let (folder, name) = LexicalPath.split(path)
        recordPath = folder + "/." + name + ".retiring"
    }

    /// The certificates in the file.
    public func certificates() throws(Failure) -> [Certificate] {
        do throws(CertificateLoadError) {
            return try CertificatePEM.roots(ofPEM: try CertificatePEM.read(file.path, .roots))
        } catch {
            throw .roots(error)
        }
    }

    /// Appends roots that are not there yet and remembers until when those that they follow are needed.
    ///
    /// - Parameters:
    ///   - following: the roots that are followed, each with the moment after which nothing needs it.
    /// - Returns: whether the file has changed.
    @discardableResult
    public func add(_ roots: [Certificate], following old: [(root: Certificate, until: Date)]) throws(Failure) -> Bool {
        let present = try certificates()
        let new = roots.filter { !present.contains($0) }
        if new.isEmpty { return false }
        // The memory first: a crash in between leaves a line for a root that is in use, which nobody will remove.
        var record = try readRecord()
        for (root, until) in old {
            let digest = try Self.digest(root)
            let seconds = Int64(until.timeIntervalSince1970.rounded(.up))
            record[digest] = max(record[digest] ?? seconds, seconds)
        }
        for root in new { record[try Self.digest(root)] = nil }
        try writeRecord(record)
        var text: [UInt8]
        do throws(CertificateLoadError) {
            text = try CertificatePEM.read(file.path, .roots)
        } catch {
            throw .roots(error)
        }
        if text.last != UInt8(ascii: "\n") { text.append(UInt8(ascii: "\n")) }
        for root in new { text += PEMBlock.text(label: "CERTIFICATE", der: try Self.der(root)) }
        try write(text)
        return true
    }

    /// The roots of the file whose time is over; the caller has to know that nothing in use needs them.
    public func retired(at date: Date) throws(Failure) -> [Certificate] {
        let record = try readRecord()
        if record.isEmpty { return [] }
        var due: [Certificate] = []
        for root in try certificates() {
            if let until = record[try Self.digest(root)], Double(until) < date.timeIntervalSince1970 {
                due.append(root)
            }
        }
        return due
    }

    /// Removes roots, but never the last one.
    public func remove(_ roots: [Certificate]) throws(Failure) {
        let kept = try certificates().filter { !roots.contains($0) }
        if kept.isEmpty || roots.isEmpty { return }
        var text: [UInt8] = []
        for root in kept { text += PEMBlock.text(label: "CERTIFICATE", der: try Self.der(root)) }
        try write(text)
        var record = try readRecord()
        for root in roots { record[try Self.digest(root)] = nil }
        try writeRecord(record)
    }

    private func write(_ bytes: [UInt8]) throws(Failure) {
        do throws(FileError) {
            try file.removeTemporaries()
            try file.write(bytes, to: file.path)
            try FileTree.syncDirectory(file.folder)
        } catch {
            throw .file(error)
        }
    }

    private static func der(_ certificate: Certificate) throws(Failure) -> [UInt8] {
        do {
            var serializer = DER.Serializer()
            try serializer.serialize(certificate)
            return serializer.serializedBytes
        } catch {
            throw .encoding("\(error)")
        }
    }

    private static func digest(_ certificate: Certificate) throws(Failure) -> String {
        Hexadecimal.text(SHA256.hash(data: try der(certificate)))
    }

    private func readRecord() throws(Failure) -> [String: Int64] {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try FileTree.readWhole(recordPath, limit: 1 << 16)
        } catch {
            if error.errno == ENOENT { return [:] }
            throw .file(error)
        }
        var record: [String: Int64] = [:]
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
            let words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            guard words.count == 2, words[0].utf8.count == 64, let seconds = Int64(words[1]) else {
                throw .record(path: recordPath, line: index + 1)
            }
            record[words[0]] = seconds
        }
        return record
    }

    private func writeRecord(_ record: [String: Int64]) throws(Failure) {
        do throws(FileError) {
            if record.isEmpty {
                if unlink(recordPath) != 0, errno != ENOENT {
                    throw FileError(operation: "remove", path: recordPath, errno: errno)
                }
                return
            }
            let lines = record.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            let text = lines.map { "\($0.key) \($0.value)\n" }.joined()
            try StoredFile.certificates(recordPath).write(Array(text.utf8), to: recordPath)
        } catch {
            throw .file(error)
        }
    }
}
