import SASL

/// One command, parsed: RFC 1939 sections 5 to 7, RFC 2449 section 5, RFC 2595 section 4, RFC 5034 section 4,
/// RFC 6856 section 2.1.
public enum POPCommand: Equatable, Sendable {
    /// `USER name`.
    case user(String)
    /// `PASS string`: the spaces of the argument are part of it (RFC 1939 section 7).
    case pass(Password)
    /// `APOP name digest`: known so that it can be refused rightly.
    case apop
    /// `AUTH mechanism [initial-response]`; the response still in base64.
    case auth(SASLMechanismName, initialResponse: [UInt8]?)
    /// `AUTH` alone: an old way (RFC 1734 drafts) to ask for the mechanisms.
    case listMechanisms
    /// `CAPA`.
    case capabilities
    /// `STLS`.
    case startTLS
    /// `UTF8`.
    case utf8
    /// `STAT`.
    case statistics
    /// `LIST [msg]`.
    case list(POPMessageNumber?)
    /// `UIDL [msg]`.
    case uniqueIDs(POPMessageNumber?)
    /// `RETR msg`.
    case retrieve(POPMessageNumber)
    /// `TOP msg n`.
    case top(POPMessageNumber, lines: Int)
    /// `DELE msg`.
    case delete(POPMessageNumber)
    /// `NOOP`.
    case noop
    /// `RSET`.
    case reset
    /// `QUIT`.
    case quit
}

/// A message-number: 1 is the first message of the maildrop (RFC 1939 section 5).
public struct POPMessageNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 1 or more.
    public let value: Int

    /// `nil` unless the number is 1 or more.
    public init?(_ value: Int) {
        guard value >= 1 else { return nil }
        self.value = value
    }

    /// The number of the message at a position that counts from 0.
    init(position: Int) { self.value = position + 1 }

    /// The position in the maildrop, from 0.
    public var position: Int { self.value - 1 }

    /// Smaller numbers come first.
    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }

    /// Decimal.
    public var description: String { String(self.value) }
}

/// Why a line is not a command.
public enum POPSyntaxError: Error, Hashable, Sendable {
    /// The keyword is none that is known.
    case unknownCommand
    /// The line holds NUL or another control character.
    case controlCharacter
    /// An argument is missing.
    case missingArgument
    /// There are more arguments than the command has.
    case unexpectedArgument
    /// An argument is not what the command wants: a number, a name.
    case badArgument
}
