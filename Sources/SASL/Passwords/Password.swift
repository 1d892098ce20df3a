/// A password in clear, as the peer or an operator gave it.
///
/// Its text never reaches a log: every description is redacted, and there is no `Codable` conformance. The bytes are
/// what hashing and comparing work on; they are UTF-8 and hold no NUL.
public struct Password: Sendable {
    /// The octets, prepared: see `CredentialPreparation`.
    public let bytes: [UInt8]

    /// Octets a password may have, prepared or not: far above what people use, far below what costs memory.
    public static let maximumLength = 1024

    /// A password from what arrived on the wire; `nil` when it is not a legal one.
    ///
    /// Refused are NUL and the other prohibited control characters, malformed UTF-8, an empty string, and more than
    /// `maximumLength` octets: RFC 4616 section 2, RFC 8265 section 4.2.2.
    public init?(_ wire: Span<UInt8>) {
        guard let prepared = CredentialPreparation.opaqueString(wire) else { return nil }
        self.bytes = prepared
    }

    /// A password from text; `nil` when it is not a legal one: see `init(_:)` for bytes.
    public init?(_ text: String) {
        let octets = Array(text.utf8)
        self.init(octets.span)
    }
}

extension Password: Equatable {
    /// Compares without telling by its duration where the two differ.
    public static func == (left: Self, right: Self) -> Bool {
        ConstantTime.areEqual(left.bytes.span, right.bytes.span)
    }
}

extension Password: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Always the same text, whatever the password.
    public var description: String { "<password>" }

    /// Always the same text, whatever the password.
    public var debugDescription: String { self.description }

    /// No children: `dump` shows nothing either.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
