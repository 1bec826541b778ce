import NIOSSL

/// Why a TLS handshake ended, out of what BoringSSL's error queue holds.
///
/// An entry is `error:CODE:library:function:REASON` with the code in hexadecimal (ERR_error_string(3)); the library is in
/// its highest byte and the reason in its lowest twelve bits. Reasons of libssl from 1000 on are alerts of the peer.
struct TLSFailure: Sendable, Equatable {
    private static let sslLibrary: UInt32 = 16
    private static let firstAlert: UInt32 = 1000

    /// For people: `TLSV1_ALERT_DECRYPT_ERROR`.
    var text: String
    /// The peer's alert (RFC 8446 section 6.2), such as `certificate_expired`; nil when it sent none.
    var alert: String?

    init(text: String, alert: String? = nil) {
        self.text = text
        self.alert = alert
    }

    init(_ error: any Error) {
        let entries: [NIOBoringSSLError.Entry]
        switch error {
        case NIOSSLError.handshakeFailed(let cause): entries = NIOBoringSSLError.entries(of: cause)
        case let cause as BoringSSLError: entries = NIOBoringSSLError.entries(of: cause)
        default: entries = []
        }
        guard let entry = entries.first else {
            self.init(text: "\(error)".shortened(to: 300))
            return
        }
        let reason = entry.code & 0xfff
        let isAlert = entry.code >> 24 == Self.sslLibrary && reason >= Self.firstAlert && reason < Self.firstAlert + 256
        self.init(
            text: entry.reason, alert: isAlert ? Self.alertName(UInt8(reason - Self.firstAlert)) : nil)
    }

    /// The names of RFC 8446 section 6.
    private static func alertName(_ number: UInt8) -> String {
        switch number {
        case 10: "unexpected_message"
        case 20: "bad_record_mac"
        case 22: "record_overflow"
        case 40: "handshake_failure"
        case 42: "bad_certificate"
        case 43: "unsupported_certificate"
        case 44: "certificate_revoked"
        case 45: "certificate_expired"
        case 46: "certificate_unknown"
        case 47: "illegal_parameter"
        case 48: "unknown_ca"
        case 49: "access_denied"
        case 50: "decode_error"
        case 51: "decrypt_error"
        case 70: "protocol_version"
        case 71: "insufficient_security"
        case 80: "internal_error"
        case 86: "inappropriate_fallback"
        case 90: "user_canceled"
        case 109: "missing_extension"
        case 110: "unsupported_extension"
        case 112: "unrecognized_name"
        case 113: "bad_certificate_status_response"
        case 115: "unknown_psk_identity"
        case 116: "certificate_required"
        case 120: "no_application_protocol"
        default: "alert_\(number)"
        }
    }
}

/// The error queue as swift-nio-ssl keeps it, which shows its entries as texts alone.
private enum NIOBoringSSLError {
    struct Entry {
        var code: UInt32
        var reason: String
    }

    static func entries(of error: BoringSSLError) -> [Entry] {
        switch error {
        case .sslError(let stack), .unknownError(let stack): stack.compactMap { entry($0.description) }
        default: []
        }
    }

    private static func entry(_ text: String) -> Entry? {
        let fields = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        // "Error: DECIMAL error:CODE:library:function:REASON at FILE:LINE"
        guard fields.count >= 6, let code = UInt32(String(decoding: fields[2], as: UTF8.self), radix: 16) else {
            return nil
        }
        let reason = fields[5].prefix { $0 != UInt8(ascii: " ") }
        return Entry(code: code, reason: String(decoding: reason, as: UTF8.self))
    }
}
