import NIOCore
import Platform

/// A status of gRPC (https://github.com/grpc/grpc/blob/master/doc/statuscodes.md).
package struct GRPCStatus: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    package var rawValue: Int

    /// A status of a number, which may be one that nobody has defined.
    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let unknown = GRPCStatus(rawValue: 2)
    package static let invalidArgument = GRPCStatus(rawValue: 3)
    package static let permissionDenied = GRPCStatus(rawValue: 7)
    package static let resourceExhausted = GRPCStatus(rawValue: 8)
    package static let unimplemented = GRPCStatus(rawValue: 12)
    package static let internalError = GRPCStatus(rawValue: 13)
    package static let unavailable = GRPCStatus(rawValue: 14)
    package static let unauthenticated = GRPCStatus(rawValue: 16)

    /// The names that Go's gRPC prints, which checks look for; their place is their number.
    private static let names = [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
        "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
        "Internal", "Unavailable", "DataLoss", "Unauthenticated",
    ]

    /// The name that Go's gRPC prints.
    package var name: String { Self.names.indices.contains(rawValue) ? Self.names[rawValue] : "Code(\(rawValue))" }

    /// A `grpc-message`: what is not printable ASCII has been sent as `%XX`. What is not such a number stays as it is.
    static func decoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, digits.allSatisfy(Ascii.isHexadecimal),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The other way round.
    static func encoded(_ message: String) -> String {
        var text = ""
        for byte in message.utf8 {
            if (byte == Ascii.space || Ascii.isGraphic(byte)) && byte != UInt8(ascii: "%") {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "%" + Hexadecimal.text([byte]).uppercased()
            }
        }
        return text
    }
}

/// A message with what gRPC puts before it: whether it is compressed, and its length.
enum MessageFrame {
    /// Why bytes are not one message; continues a sentence about the request or the answer.
    enum Fault: Error, Hashable, CustomStringConvertible {
        case missing
        case compressed
        case length(found: Int, declared: Int)

        var description: String {
            switch self {
            case .missing: "has no message"
            case .compressed: "is compressed, which was not asked for"
            case .length(let found, let declared): "has \(found) bytes in place of \(declared)"
            }
        }
    }

    static let prefixLength = 5

    static func buffer(_ message: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt8(0))
        buffer.writeInteger(UInt32(message.count))
        buffer.writeBytes(message)
        return buffer
    }

    static func message(_ bytes: [UInt8]) throws(Fault) -> [UInt8] {
        guard bytes.count >= prefixLength else { throw .missing }
        guard bytes[0] == 0 else { throw .compressed }
        let declared = bytes[1..<prefixLength].reduce(0) { $0 << 8 | Int($1) }
        let found = bytes.count - prefixLength
        guard found == declared else { throw .length(found: found, declared: declared) }
        return Array(bytes[prefixLength...])
    }
}
