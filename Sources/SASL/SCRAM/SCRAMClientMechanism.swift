import MailBytes

/// SCRAM, the client's side: RFC 5802 section 5, with SHA-256 as in RFC 7677.
public struct SCRAMClientMechanism: SASLClientMechanism {
    /// The best of the family; which one an exchange is of is said when it is made.
    public static let name = SASLMechanismName.scramSHA256

    /// What the client says about channel binding.
    public enum Binding: Equatable, Sendable {
        /// There is nothing to bind to, or the server offers it and this side cannot.
        case none
        /// This side could, and the server does not offer it.
        case unoffered
        /// This connection is bound to.
        case used(ChannelBindings.Kind, [UInt8])
    }

    private enum Phase: Sendable {
        case first
        case second
        case third(serverSignature: [UInt8])
        case proved
        case over
    }

    private let credentials: PasswordCredentials
    private let hash: SCRAMHash
    private let nonce: String
    private let header: String
    private let bindingData: [UInt8]
    private var phase = Phase.first

    /// An exchange that has not begun.
    ///
    /// - Parameter nonce: at least 18 octets of chance, in printable ASCII without a comma.
    public init(credentials: PasswordCredentials, hash: SCRAMHash, binding: Binding, nonce: String) {
        self.credentials = credentials
        self.hash = hash
        self.nonce = nonce
        let flag: String
        switch binding {
        case .none: (flag, self.bindingData) = ("n", [])
        case .unoffered: (flag, self.bindingData) = ("y", [])
        case .used(let kind, let data): (flag, self.bindingData) = ("p=\(kind.rawValue)", data)
        }
        let actAs = credentials.authorizationIdentity.map { "a=" + SCRAMSyntax.encodedName($0) } ?? ""
        self.header = "\(flag),\(actAs),"
    }

    private var bare: String {
        "n=\(SCRAMSyntax.encodedName(self.credentials.authenticationIdentity)),r=\(self.nonce)"
    }

    /// The user and this side's nonce.
    public mutating func initialResponse() -> [UInt8]? {
        self.phase = .second
        return Array((self.header + self.bare).utf8)
    }

    /// Only a server that has shown that it knows the password may say that the log-in succeeded.
    public var acceptsSuccess: Bool {
        if case .proved = self.phase { true } else { false }
    }

    /// The server's first message, or its proof. Computes the iterations that the server asks for, within
    /// `SCRAMVerifier.iterationBounds`.
    public mutating func challengeReceived(_ challenge: Span<UInt8>) -> SASLClientStep {
        let phase = self.phase
        self.phase = .over
        guard challenge.count <= SCRAMSyntax.maximumLength else { return .cancel(.tooLong) }
        switch phase {
        case .first:
            guard challenge.isEmpty, let message = self.initialResponse() else { return .cancel(.unexpected) }
            return .respond(message)
        case .second: return self.prove(challenge)
        case .third(let expected):
            guard let encoded = SCRAMSyntax.value(challenge, of: UInt8(ascii: "v")),
                let signature = Base64.decode(encoded.span), ConstantTime.areEqual(signature.span, expected.span)
            else { return .cancel(.serverUnproved) }
            self.phase = .proved
            return .respond([])
        case .proved, .over: return .cancel(.unexpected)
        }
    }

    private mutating func prove(_ message: Span<UInt8>) -> SASLClientStep {
        let fields = SCRAMSyntax.fields(message)
        guard fields.count >= 3,
            let nonce = SCRAMSyntax.value(message.extracting(fields[0]), of: UInt8(ascii: "r")),
            SCRAMSyntax.isNonce(nonce),
            let encodedSalt = SCRAMSyntax.value(message.extracting(fields[1]), of: UInt8(ascii: "s")),
            let salt = Base64.decode(encodedSalt.span), SCRAMVerifier.saltBounds.contains(salt.count),
            let digits = SCRAMSyntax.value(message.extracting(fields[2]), of: UInt8(ascii: "i")),
            let iterations = SCRAMSyntax.number(digits),
            fields[3...].allSatisfy({ SCRAMSyntax.isOptionalExtension(message.extracting($0)) })
        else { return .cancel(.malformed) }
        let own = Array(self.nonce.utf8)
        guard nonce.count > own.count, Array(nonce.prefix(own.count)) == own else { return .cancel(.serverUnproved) }
        // Too few, and a server that is none gets a cheap guess at the password; too many, and it gets our time.
        guard SCRAMVerifier.iterationBounds.contains(iterations),
            let salted = self.hash.stretched(
                self.credentials.password.bytes,
                salt: salt,
                iterations: iterations
            )
        else { return .cancel(.iterations) }
        let clientKey = self.hash.authenticationCode(Array("Client Key".utf8), key: salted)
        let serverKey = self.hash.authenticationCode(Array("Server Key".utf8), key: salted)
        let binding = Base64.encodeBytes(Array(self.header.utf8) + self.bindingData)
        let withoutProof = Array("c=".utf8) + binding + Array(",r=".utf8) + nonce
        let comma = UInt8(ascii: ",")
        let exchange = Array(self.bare.utf8) + [comma] + message.octets + [comma] + withoutProof
        let signature = self.hash.authenticationCode(exchange, key: self.hash.digest(clientKey))
        let proof = zip(clientKey, signature).map { $0 ^ $1 }
        self.phase = .third(serverSignature: self.hash.authenticationCode(exchange, key: serverKey))
        return .respond(withoutProof + Array(",p=".utf8) + Base64.encodeBytes(proof))
    }
}
