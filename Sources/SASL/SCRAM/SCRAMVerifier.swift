/// What a server keeps of a password for SCRAM: RFC 5802 section 3.
///
/// Whoever has it can pass for the server, and can try passwords at the cost of the iterations; it does not let them log in. It
/// is a secret all the same, and never prints itself.
///
/// One salt may stand for several passwords of an account (its own and those of its programs): each has its keys, and a
/// proof that fits any of them is right.
public struct SCRAMVerifier: Equatable, Sendable {
    /// StoredKey and ServerKey of one password.
    public struct Keys: Equatable, Sendable {
        public let storedKey: [UInt8]
        public let serverKey: [UInt8]

        /// Keys as they were stored.
        public init(storedKey: [UInt8], serverKey: [UInt8]) {
            self.storedKey = storedKey
            self.serverKey = serverKey
        }

        /// The keys of a password: RFC 5802 section 3.
        ///
        /// Takes as long as the iterations do: call it on a thread that may block.
        ///
        /// - Returns: `nil` when salt or iterations are out of bounds.
        public init?(_ password: Password, salt: [UInt8], iterations: Int, hash: SCRAMHash) {
            guard SCRAMVerifier.saltBounds.contains(salt.count),
                SCRAMVerifier.iterationBounds.contains(iterations),
                let salted = hash.stretched(password.bytes, salt: salt, iterations: iterations)
            else { return nil }
            let clientKey = hash.authenticationCode(Array("Client Key".utf8), key: salted)
            self.storedKey = hash.digest(clientKey)
            self.serverKey = hash.authenticationCode(Array("Server Key".utf8), key: salted)
        }

        /// The keys in one row of octets, to be stored.
        public var octets: [UInt8] { self.storedKey + self.serverKey }

        /// Reads `octets`; `nil` when they have another length than the hash's keys.
        public init?(_ octets: [UInt8], hash: SCRAMHash) {
            guard octets.count == 2 * hash.digestLength else { return nil }
            self.storedKey = Array(octets[..<hash.digestLength])
            self.serverKey = Array(octets[hash.digestLength...])
        }
    }

    public let salt: [UInt8]
    public let iterations: Int
    /// At least one.
    public let keys: [Keys]

    /// Octets of salt that are stored, sent and taken.
    public static let saltBounds = 4...64
    /// Iterations that are stored and computed. RFC 7677 section 4 says at least 4096; the upper bound is a tenth of a
    /// second, which is what a hostile server can cost a client.
    public static let iterationBounds = 4096...250_000
    /// What new passwords get.
    public static let standardIterations = 15_000
    /// Octets of salt that new passwords get.
    public static let standardSaltLength = 16

    /// A verifier; `nil` when it has no keys or is out of bounds.
    public init?(salt: [UInt8], iterations: Int, keys: [Keys]) {
        guard Self.saltBounds.contains(salt.count), Self.iterationBounds.contains(iterations), !keys.isEmpty else {
            return nil
        }
        self.salt = salt
        self.iterations = iterations
        self.keys = keys
    }

    /// A verifier that no proof fits, for a user who is not here: the same salt for the same name each time, so that it cannot
    /// be told from that of a user who is (RFC 5802 section 9).
    ///
    /// - Parameter secret: known to this server alone, and the same as long as its users are.
    public static func decoy(for user: String, secret: [UInt8], hash: SCRAMHash) -> SCRAMVerifier {
        let name = Array(user.utf8)
        let salt = SCRAMHash.sha256.authenticationCode([0] + name, key: secret)
        let stored = hash.authenticationCode([1] + name, key: secret)
        let server = hash.authenticationCode([2] + name, key: secret)
        return SCRAMVerifier(
            trusted: Array(salt.prefix(Self.standardSaltLength)),
            keys: Keys(storedKey: stored, serverKey: server)
        )
    }

    private init(trusted salt: [UInt8], keys: Keys) {
        self.salt = salt
        self.iterations = Self.standardIterations
        self.keys = [keys]
    }
}

extension SCRAMVerifier: CustomStringConvertible, CustomReflectable {
    /// The cost alone.
    public var description: String { "<SCRAM verifier, \(self.iterations) iterations>" }

    /// No children: `dump` shows nothing either.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

/// Whose verifier is asked for.
public struct SCRAMIdentity: Hashable, Sendable {
    /// The name as the client wrote it.
    public let user: String
    /// Who to act as; `nil` means the same user.
    public let authorizationIdentity: String?
    public let hash: SCRAMHash

    /// An identity as a client-first message claims it.
    public init(user: String, authorizationIdentity: String? = nil, hash: SCRAMHash) {
        self.user = user
        self.authorizationIdentity = authorizationIdentity
        self.hash = hash
    }
}

/// What a server's first message is made from: the verifier, and chance from outside.
public struct SCRAMChallenge: Equatable, Sendable {
    public let verifier: SCRAMVerifier
    /// The server's part of the nonce: at least 18 octets of chance, in printable ASCII without a comma.
    public let nonce: String

    /// A challenge with a nonce of the caller's.
    public init(verifier: SCRAMVerifier, nonce: String) {
        self.verifier = verifier
        self.nonce = nonce
    }
}

/// What came of a SCRAM exchange.
public struct SCRAMProof: Hashable, Sendable {
    /// Whether the client knows the password, and what was wrong when it did not show it.
    public enum Outcome: Hashable, Sendable {
        case right
        case wrongPassword
        /// The nonce is another one than was sent: a message of another exchange.
        case wrongNonce
        /// The client is bound to another TLS connection than this server: somebody sits between them.
        case wrongChannelBinding
        /// The client wants a kind of binding that this connection does not have.
        case unknownChannelBinding
        /// The client was made to believe that there is no channel binding here: somebody changed the list of mechanisms.
        case downgraded
    }

    public let identity: SCRAMIdentity
    public let outcome: Outcome

    /// An outcome as a mechanism found it.
    public init(identity: SCRAMIdentity, outcome: Outcome) {
        self.identity = identity
        self.outcome = outcome
    }

    /// The outcome, for the operator.
    public var reason: String {
        switch self.outcome {
        case .right: "the password was proved"
        case .wrongPassword: "wrong name or password"
        case .wrongNonce: "a SCRAM message of another exchange was played again"
        case .wrongChannelBinding:
            "the client's channel binding is not that of this TLS connection: something between them ends TLS"
        case .unknownChannelBinding: "the client asks for a kind of channel binding that this connection does not have"
        case .downgraded:
            "the client believes that channel binding is not offered here: something between them changed what is"
        }
    }
}
