import MailBytes

/// An OAuth bearer token as the client sent it: RFC 6750 section 2.1. Whoever has it is who it says; so it never prints itself.
public struct BearerToken: Sendable {
    /// 1 to `maximumLength` characters of `b64token`.
    public let text: String

    /// Octets that a token may have.
    public static let maximumLength = 8192

    /// A token; `nil` when it is empty, too long, or has other characters than tokens have.
    public init?(_ wire: Span<UInt8>) {
        guard (1...Self.maximumLength).contains(wire.count) else { return nil }
        for index in wire.indices {
            switch wire[index] {
            case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "+"),
                UInt8(ascii: "/"), UInt8(ascii: "="):
                continue
            default:
                guard wire[index].isASCIIAlphanumeric else { return nil }
            }
        }
        self.text = String(decoding: wire.octets, as: UTF8.self)
    }

    /// A token from text: see `init(_:)` for bytes.
    public init?(_ text: String) {
        let octets = Array(text.utf8)
        self.init(octets.span)
    }
}

extension BearerToken: Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Compares without telling by its duration where the two differ.
    public static func == (left: Self, right: Self) -> Bool {
        let (left, right) = (Array(left.text.utf8), Array(right.text.utf8))
        return ConstantTime.areEqual(left.span, right.span)
    }

    /// Always the same text, whatever the token.
    public var description: String { "<token>" }

    /// Always the same text, whatever the token.
    public var debugDescription: String { self.description }

    /// No children: `dump` shows nothing either.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

/// A token and whom its bearer wants to be.
public struct BearerCredentials: Equatable, Sendable {
    /// Who to act as; `nil` means whoever the token is for.
    public let authorizationIdentity: String?
    public let token: BearerToken

    /// Credentials as a client's message has them.
    public init(authorizationIdentity: String?, token: BearerToken) {
        self.authorizationIdentity = authorizationIdentity
        self.token = token
    }
}

/// A verified client certificate and whom its owner wants to be.
public struct CertificateCredentials: Equatable, Sendable {
    /// Who to act as; `nil` means the one whom the certificate names.
    public let authorizationIdentity: String?
    /// The addresses that the certificate names.
    public let identities: [String]

    /// Credentials as the connection and the client's message have them.
    public init(authorizationIdentity: String?, identities: [String]) {
        self.authorizationIdentity = authorizationIdentity
        self.identities = identities
    }
}
