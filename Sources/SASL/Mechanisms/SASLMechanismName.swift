/// The name of a mechanism: RFC 4422 section 3.1, as registered with IANA.
public struct SASLMechanismName: Hashable, Sendable, CustomStringConvertible {
    /// 1 to 20 upper-case letters, digits, hyphens or underscores.
    public let text: String

    private init(known text: String) { self.text = text }

    /// RFC 4616.
    public static let plain = SASLMechanismName(known: "PLAIN")
    /// draft-murchison-sasl-login: obsolete, and the only one that some clients know.
    public static let login = SASLMechanismName(known: "LOGIN")
    /// RFC 5802.
    public static let scramSHA1 = SASLMechanismName(known: "SCRAM-SHA-1")
    /// RFC 5802, bound to the TLS connection.
    public static let scramSHA1Plus = SASLMechanismName(known: "SCRAM-SHA-1-PLUS")
    /// RFC 7677.
    public static let scramSHA256 = SASLMechanismName(known: "SCRAM-SHA-256")
    /// RFC 7677, bound to the TLS connection.
    public static let scramSHA256Plus = SASLMechanismName(known: "SCRAM-SHA-256-PLUS")
    /// RFC 7628.
    public static let oauthBearer = SASLMechanismName(known: "OAUTHBEARER")
    /// Google's forerunner of OAUTHBEARER, which most clients still speak.
    public static let xoauth2 = SASLMechanismName(known: "XOAUTH2")
    /// RFC 4422 appendix A.
    public static let external = SASLMechanismName(known: "EXTERNAL")

    /// Parses a name as a command has it; letters of either case.
    public init?(_ name: Span<UInt8>) {
        guard (1...20).contains(name.count) else { return nil }
        var text = ""
        for index in name.indices {
            switch name[index] {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                text.unicodeScalars.append(Unicode.Scalar(name[index]))
            case UInt8(ascii: "a")...UInt8(ascii: "z"):
                text.unicodeScalars.append(Unicode.Scalar(name[index] - 0x20))
            default: return nil
            }
        }
        self.text = text
    }

    /// Parses a name from text: see `init(_:)` for bytes.
    public init?(_ name: String) {
        let octets = Array(name.utf8)
        self.init(octets.span)
    }

    /// Whether a password or a token crosses the wire in clear, so that the mechanism is offered under TLS alone.
    public var sendsPasswordInClear: Bool {
        self == .plain || self == .login || self == .oauthBearer || self == .xoauth2
    }

    /// Whether the mechanism is SCRAM, bound to the connection or not.
    public var isSCRAM: Bool { SCRAMHash(self) != nil }

    /// Whether the exchange is bound to the TLS connection, so that there has to be one: RFC 5802 section 6.
    public var bindsChannel: Bool { self == .scramSHA256Plus || self == .scramSHA1Plus }

    /// The name itself.
    public var description: String { self.text }
}
