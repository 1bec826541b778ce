import FoundationEssentials
import MeshContract
import X509

extension WorkloadCertificates {
    /// Everything that is wrong at a moment, the most basic first; empty when a peer that trusts the roots accepts them.
    ///
    /// - Parameter expecting: the identity that the workload has; nil takes any.
    public func faults(at date: Date, expecting identity: SPIFFEIdentity?) async -> [CertificateFault] {
        var faults: [CertificateFault?] = [keyFault, authorityFault, validityFault(at: date)]
        faults.append(identityFault(expecting: identity))
        faults.append(await trustFault(at: date))
        return faults.compactMap(\.self)
    }

    /// Whether the key is not the leaf's.
    public var keyFault: CertificateFault? {
        if leaf.publicKey == privateKey.publicKey { return nil }
        return .keyMismatch(certificate: KeyKind(leaf.publicKey), key: KeyKind(privateKey.publicKey))
    }

    /// Whether the leaf may sign certificates itself.
    public var authorityFault: CertificateFault? {
        // An extension that cannot be decoded fails the trust check.
        guard case .isCertificateAuthority = try? leaf.extensions.basicConstraints else { return nil }
        return .authority(subject: "\(leaf.subject)")
    }

    /// Whether a moment is outside the leaf's lifetime.
    public func validityFault(at date: Date) -> CertificateFault? {
        if notAfter <= notBefore { return .emptyLifetime(notBefore: notBefore, notAfter: notAfter) }
        if date < notBefore { return .notYetValid(notBefore: notBefore, now: date) }
        if date > notAfter { return .expired(notAfter: notAfter, now: date) }
        return nil
    }

    /// Whether the leaf's identity is missing, ambiguous, malformed or another one.
    public func identityFault(expecting expected: SPIFFEIdentity?) -> CertificateFault? {
        do {
            let found = try identity()
            if let expected, expected != found { return .identityChanged(expected: expected, found: found) }
            return nil
        } catch {
            return error
        }
    }

    /// Whether no valid chain leads to a root. A leaf that is not valid at that moment is judged by its own lifetime, so
    /// that one cause is not told twice.
    public func trustFault(at date: Date) async -> CertificateFault? {
        let moment = min(max(date, notBefore), notAfter)
        return await TrustPath.fault(leaf: leaf, intermediates: intermediates, roots: roots, at: moment)
    }

    /// The root that the leaf's chain ends in at a moment; nil when it is not trusted.
    public func anchor(at date: Date) async -> Certificate? {
        let moment = min(max(date, notBefore), notAfter)
        return await TrustPath.anchor(leaf: leaf, intermediates: intermediates, roots: roots, at: moment)
    }

    /// The kind of the leaf's key.
    public var keyKind: KeyKind { KeyKind(leaf.publicKey) }
}
