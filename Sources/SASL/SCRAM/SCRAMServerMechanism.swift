import MailBytes

/// SCRAM, the server's side: RFC 5802 section 5, with SHA-256 as in RFC 7677.
///
/// The client's first message names the user; the stored secret is asked for, and a challenge made of it. The second
/// proves the password. The server then proves that it knows it too, and the client confirms with an empty response.
public struct SCRAMServerMechanism: SASLServerMechanism {
    /// The best of the family; which one an exchange is of is said when it is made.
    public static let name = SASLMechanismName.scramSHA256

    private struct First: Sendable {
        var identity: SCRAMIdentity
        /// GS2 header and channel binding data, as the second message has to repeat them.
        var binding: [UInt8]
        /// client-first-message-bare.
        var bare: [UInt8]
        var nonce: [UInt8]
    }

    private enum Phase: Sendable {
        case first
        case awaitingVerifier(First)
        case second(First, SCRAMChallenge, serverFirst: [UInt8])
        case proved(SCRAMIdentity)
        case over
    }

    private let hash: SCRAMHash
    private let bindsChannel: Bool
    private let bindings: ChannelBindings
    private var phase = Phase.first

    /// An exchange that has not begun.
    ///
    /// - Parameters:
    ///   - bindsChannel: whether it is of a mechanism whose name ends with `-PLUS`.
    ///   - bindings: what the connection has, also for a mechanism that does not bind: then a client that was told
    ///     that there is nothing to bind to has been lied to.
    public init(hash: SCRAMHash, bindsChannel: Bool, bindings: ChannelBindings) {
        self.hash = hash
        self.bindsChannel = bindsChannel
        self.bindings = bindings
    }

    /// The client speaks first: an empty challenge.
    public mutating func started() -> SASLServerStep { .challenge([]) }

    /// The client's first or second message, or its confirmation.
    public mutating func responseReceived(_ response: Span<UInt8>) -> SASLServerStep {
        let phase = self.phase
        self.phase = .over
        guard response.count <= SCRAMSyntax.maximumLength else { return .failed(.tooLong) }
        switch phase {
        case .first: return self.first(response)
        case .second(let first, let challenge, let serverFirst):
            return self.second(response, first, challenge, serverFirst)
        case .proved(let identity):
            guard response.isEmpty else { return .failed(.malformed) }
            return .verify(.proof(SCRAMProof(identity: identity, outcome: .right)))
        case .awaitingVerifier, .over: return .failed(.unexpected)
        }
    }

    private mutating func first(_ message: Span<UInt8>) -> SASLServerStep {
        guard let header = GS2Header(message) else { return .failed(.malformed) }
        let fields = SCRAMSyntax.fields(message, from: header.length)
        guard fields.count >= 2,
            let name = SCRAMSyntax.value(message.extracting(fields[0]), of: UInt8(ascii: "n")),
            let user = SCRAMSyntax.decodedName(name),
            let nonce = SCRAMSyntax.value(message.extracting(fields[1]), of: UInt8(ascii: "r")),
            SCRAMSyntax.isNonce(nonce), nonce.count <= SCRAMSyntax.maximumNonceLength / 2,
            fields[2...].allSatisfy({ SCRAMSyntax.isOptionalExtension(message.extracting($0)) })
        else { return .failed(.malformed) }
        let identity = SCRAMIdentity(
            user: user,
            authorizationIdentity: header.authorizationIdentity,
            hash: self.hash
        )
        var binding = message.extracting(0..<header.length).octets
        switch header.binding {
        case .none:
            guard !self.bindsChannel else { return .failed(.malformed) }
        case .unoffered:
            // RFC 5802 section 6: who offers channel binding does not take this for an answer.
            guard !self.bindsChannel else { return .failed(.malformed) }
            guard self.bindings.isEmpty else {
                return .verify(.proof(SCRAMProof(identity: identity, outcome: .downgraded)))
            }
        case .used(let name):
            guard self.bindsChannel else { return .failed(.malformed) }
            guard let kind = ChannelBindings.Kind(rawValue: name), let data = self.bindings[kind] else {
                return .verify(.proof(SCRAMProof(identity: identity, outcome: .unknownChannelBinding)))
            }
            binding += data
        }
        let bare = message.extracting(header.length..<message.count).octets
        self.phase = .awaitingVerifier(First(identity: identity, binding: binding, bare: bare, nonce: nonce))
        return .findVerifier(identity)
    }

    /// The stored secret is there: the server's first message.
    public mutating func verifierFound(_ challenge: SCRAMChallenge) -> SASLServerStep {
        guard case .awaitingVerifier(let first) = self.phase else { return .failed(.unexpected) }
        let salt = Base64.encodeBytes(challenge.verifier.salt)
        let message =
            Array("r=".utf8) + first.nonce + Array(challenge.nonce.utf8) + Array(",s=".utf8) + salt
            + Array(",i=\(challenge.verifier.iterations)".utf8)
        self.phase = .second(first, challenge, serverFirst: message)
        return .challenge(message)
    }

    private mutating func second(
        _ message: Span<UInt8>,
        _ first: First,
        _ challenge: SCRAMChallenge,
        _ serverFirst: [UInt8]
    ) -> SASLServerStep {
        let fields = SCRAMSyntax.fields(message)
        guard fields.count >= 3, let last = fields.last,
            let encodedBinding = SCRAMSyntax.value(message.extracting(fields[0]), of: UInt8(ascii: "c")),
            let binding = Base64.decode(encodedBinding.span),
            let nonce = SCRAMSyntax.value(message.extracting(fields[1]), of: UInt8(ascii: "r")),
            let encodedProof = SCRAMSyntax.value(message.extracting(last), of: UInt8(ascii: "p")),
            let proof = Base64.decode(encodedProof.span), proof.count == self.hash.digestLength,
            fields[2..<fields.count - 1].allSatisfy({ SCRAMSyntax.isOptionalExtension(message.extracting($0)) })
        else { return .failed(.malformed) }
        let expectedNonce = first.nonce + Array(challenge.nonce.utf8)
        guard ConstantTime.areEqual(nonce.span, expectedNonce.span) else { return self.failed(first, .wrongNonce) }
        guard ConstantTime.areEqual(binding.span, first.binding.span) else {
            return self.failed(first, .wrongChannelBinding)
        }
        let comma = UInt8(ascii: ",")
        let withoutProof = message.extracting(0..<last.lowerBound - 1).octets
        let exchange = first.bare + [comma] + serverFirst + [comma] + withoutProof
        guard let serverKey = self.serverKey(provedBy: proof, exchange, challenge.verifier) else {
            return self.failed(first, .wrongPassword)
        }
        let signature = self.hash.authenticationCode(exchange, key: serverKey)
        self.phase = .proved(first.identity)
        return .challenge(Array("v=".utf8) + Base64.encodeBytes(signature))
    }

    /// The server key of the password that a proof shows; `nil` when it shows none. Every password is tried, whichever fits.
    private func serverKey(provedBy proof: [UInt8], _ exchange: [UInt8], _ verifier: SCRAMVerifier) -> [UInt8]? {
        var found: [UInt8]?
        for keys in verifier.keys {
            let signature = self.hash.authenticationCode(exchange, key: keys.storedKey)
            let clientKey = zip(proof, signature).map { $0 ^ $1 }
            let stored = self.hash.digest(clientKey)
            if ConstantTime.areEqual(stored.span, keys.storedKey.span) { found = keys.serverKey }
        }
        return found
    }

    private func failed(_ first: First, _ outcome: SCRAMProof.Outcome) -> SASLServerStep {
        .verify(.proof(SCRAMProof(identity: first.identity, outcome: outcome)))
    }
}
