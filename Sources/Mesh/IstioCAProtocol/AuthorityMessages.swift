/// The method that signs.
package enum SigningMethod {
    /// Its path.
    package static let path = "/istio.v1.auth.IstioCAService/HandleCSR"
}

/// What an authority is asked: `CsrRequest` of Istio 0.5 to 1.0, which has the same bytes as `Request` of 0.2 where field 2 is
/// empty.
///
/// Two messages of four fields each are not worth a runtime for protocol buffers in the agent; a test compares them with
/// what such a runtime reads and writes.
package struct SigningCall: Hashable, Sendable {
    /// Field 1: the request for a certificate, in PEM.
    package var requestPEM: [UInt8] = []
    /// Field 2: a message in 0.2, bytes from 0.5 on. Agents on premises leave it empty: the client certificate is the proof.
    package var credential: [UInt8] = []
    /// Field 3, from 0.5 on: the platform.
    package var credentialType = ""
    /// Field 4, from 0.5 on: the lifetime that is asked for.
    package var lifetimeMinutes: Int32 = 0

    /// Creates a call without a credential.
    package init(requestPEM: [UInt8], credentialType: String, lifetimeMinutes: Int32) {
        self.requestPEM = requestPEM
        self.credentialType = credentialType
        self.lifetimeMinutes = lifetimeMinutes
    }

    /// Reads a message; fields that it does not know are skipped.
    package init(_ bytes: [UInt8]) throws(ProtobufFault) {
        var reader = ProtobufReader(bytes[...])
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let bytes)): requestPEM = Array(bytes)
            case (2, .bytes(let bytes)): credential = Array(bytes)
            case (3, .bytes(let text)): credentialType = String(decoding: text, as: UTF8.self)
            case (4, .number(let number)): lifetimeMinutes = Int32(truncatingIfNeeded: number)
            default: break
            }
        }
    }

    /// The message in bytes.
    package var encoded: [UInt8] {
        var message = ProtobufWriter()
        message.add(1, requestPEM)
        message.add(2, credential)
        message.add(3, Array(credentialType.utf8))
        message.add(4, lifetimeMinutes)
        return message.bytes
    }
}

/// What an authority answers: `CsrResponse` of Istio 0.5 to 1.0, `Response` of 0.2.
package struct SigningReply: Hashable, Sendable {
    /// Field 1.
    package var isApproved = false
    /// Field 2: a `google.rpc.Status` with its code and message; nil without one.
    package var status: Status?
    /// Field 3: the leaf in PEM; in 0.2 the whole chain.
    package var certificatePEM: [UInt8] = []
    /// Field 4, from 0.5 on: what follows the leaf.
    package var chainPEM: [UInt8] = []

    /// A `google.rpc.Status` without its details.
    package struct Status: Hashable, Sendable {
        /// Field 1: the number of a gRPC status.
        package var code: Int32 = 0
        /// Field 2.
        package var message = ""

        /// Creates a status.
        package init(code: Int32, message: String) {
            self.code = code
            self.message = message
        }

        fileprivate init(_ bytes: ArraySlice<UInt8>) throws(ProtobufFault) {
            var reader = ProtobufReader(bytes)
            while let field = try reader.next() {
                switch (field.number, field.value) {
                case (1, .number(let number)): code = Int32(truncatingIfNeeded: number)
                case (2, .bytes(let text)): message = String(decoding: text, as: UTF8.self)
                default: break
                }
            }
        }

        fileprivate var encoded: [UInt8] {
            var message = ProtobufWriter()
            message.add(1, code)
            message.add(2, Array(self.message.utf8))
            return message.bytes
        }
    }

    /// Creates an answer.
    package init(
        isApproved: Bool, status: Status? = nil, certificatePEM: [UInt8] = [], chainPEM: [UInt8] = []
    ) {
        self.isApproved = isApproved
        self.status = status
        self.certificatePEM = certificatePEM
        self.chainPEM = chainPEM
    }

    /// Reads a message; fields that it does not know are skipped.
    package init(_ bytes: [UInt8]) throws(ProtobufFault) {
        var reader = ProtobufReader(bytes[...])
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .number(let number)): isApproved = number != 0
            case (2, .bytes(let bytes)): status = try Status(bytes)
            case (3, .bytes(let bytes)): certificatePEM = Array(bytes)
            case (4, .bytes(let bytes)): chainPEM = Array(bytes)
            default: break
            }
        }
    }

    /// The message in bytes.
    package var encoded: [UInt8] {
        var message = ProtobufWriter()
        message.add(1, isApproved ? 1 : 0)
        if let status { message.add(2, status.encoded, evenIfEmpty: true) }
        message.add(3, certificatePEM)
        message.add(4, chainPEM)
        return message.bytes
    }
}
