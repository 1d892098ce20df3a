import MailBytes

/// OAUTHBEARER (RFC 7628) and XOAUTH2, the server's side. One message with the token; where it is refused, an error that
/// the client takes note of with another one.
public struct BearerServerMechanism: SASLServerMechanism {
    /// OAUTHBEARER; XOAUTH2 is said when an exchange is made.
    public static let name = SASLMechanismName.oauthBearer

    /// How the message is written.
    public enum Form: Sendable {
        case oauthBearer, xoauth2
    }

    private enum Phase: Sendable {
        case message, judged, refused, over
    }

    private let form: Form
    private var phase = Phase.message

    /// An exchange that has not begun.
    public init(form: Form) { self.form = form }

    /// The client speaks first: an empty challenge.
    public mutating func started() -> SASLServerStep { .challenge([]) }

    /// The message with the token, or the answer to an error, whatever it says.
    public mutating func responseReceived(_ response: Span<UInt8>) -> SASLServerStep {
        let phase = self.phase
        self.phase = .over
        switch phase {
        case .message: return self.message(response)
        case .refused: return .failed(.refused)
        case .judged, .over: return .failed(.unexpected)
        }
    }

    private mutating func message(_ message: Span<UInt8>) -> SASLServerStep {
        guard message.count <= Self.maximumLength else { return .failed(.tooLong) }
        let user: String?
        var pairs: [Range<Int>]
        switch self.form {
        case .oauthBearer:
            guard let header = GS2Header(message), header.length < message.count, message[header.length] == 1 else {
                return .failed(.malformed)
            }
            user = header.authorizationIdentity
            pairs = Self.pairs(message, from: header.length + 1)
        case .xoauth2:
            pairs = Self.pairs(message, from: 0)
            guard let first = pairs.first, let name = Self.value(message.extracting(first), of: "user") else {
                return .failed(.malformed)
            }
            user = CredentialPreparation.userName(name.span)
            pairs.removeFirst()
            guard user != nil else { return .failed(.malformed) }
        }
        // Pairs end with 0x01, and one more ends the message.
        guard pairs.count >= 3, pairs[pairs.count - 1].isEmpty, pairs[pairs.count - 2].isEmpty else {
            return .failed(.malformed)
        }
        let authorizations = pairs.compactMap { Self.value(message.extracting($0), of: "auth") }
        guard authorizations.count == 1, let token = Self.token(authorizations[0]) else { return .failed(.malformed) }
        self.phase = .judged
        return .verify(.token(BearerCredentials(authorizationIdentity: user, token: token)))
    }

    /// The token is not good: RFC 7628 section 3.2.2.
    public mutating func rejected() -> SASLServerStep? {
        guard case .judged = self.phase else { return nil }
        self.phase = .refused
        switch self.form {
        case .oauthBearer: return .challenge(Array(#"{"status":"invalid_token","schemes":"bearer"}"#.utf8))
        case .xoauth2: return .challenge(Array(#"{"status":"401","schemes":"bearer"}"#.utf8))
        }
    }

    /// A token, two names, and a margin for host and port.
    private static let maximumLength = BearerToken.maximumLength + 1000

    private static func pairs(_ message: Span<UInt8>, from start: Int) -> [Range<Int>] {
        var pairs: [Range<Int>] = []
        var begin = start
        for index in start..<message.count where message[index] == 1 {
            pairs.append(begin..<index)
            begin = index + 1
        }
        pairs.append(begin..<message.count)
        return pairs
    }

    private static func value(_ pair: Span<UInt8>, of key: String) -> [UInt8]? {
        let prefix = Array("\(key)=".utf8)
        guard pair.count > prefix.count else { return nil }
        for index in prefix.indices where pair[index] != prefix[index] { return nil }
        return pair.extracting(prefix.count..<pair.count).octets
    }

    /// What stands behind `Bearer `, whose letters may have either case.
    private static func token(_ authorization: [UInt8]) -> BearerToken? {
        let scheme = "bearer ".utf8
        guard authorization.count > scheme.count else { return nil }
        for (octet, expected) in zip(authorization, scheme) where octet | 0x20 != expected { return nil }
        let token = Array(authorization[scheme.count...])
        return BearerToken(token.span)
    }
}

/// OAUTHBEARER and XOAUTH2, the client's side.
public struct BearerClientMechanism: SASLClientMechanism {
    /// OAUTHBEARER; XOAUTH2 is said when an exchange is made.
    public static let name = SASLMechanismName.oauthBearer
    private let form: BearerServerMechanism.Form
    private let user: String
    private let token: BearerToken
    private var isSent = false

    /// An exchange that has not begun.
    public init(form: BearerServerMechanism.Form, user: String, token: BearerToken) {
        self.form = form
        self.user = user
        self.token = token
    }

    /// The only message that carries something.
    public mutating func initialResponse() -> [UInt8]? {
        self.isSent = true
        let head =
            switch self.form {
            case .oauthBearer: "n,a=\(SCRAMSyntax.encodedName(self.user)),"
            case .xoauth2: "user=\(self.user)"
            }
        return Array("\(head)\u{1}auth=Bearer \(self.token.text)\u{1}\u{1}".utf8)
    }

    /// An empty challenge asks for the message; any other says why the token is refused, and is confirmed so that the
    /// server can end the exchange: RFC 7628 section 3.2.3.
    public mutating func challengeReceived(_ challenge: Span<UInt8>) -> SASLClientStep {
        guard self.isSent else { return self.initialResponse().map { .respond($0) } ?? .cancel(.unexpected) }
        return .respond(self.form == .oauthBearer ? [1] : [])
    }
}
