import MailBytes

/// A question about names: RFC 5321 section 3.5.
public struct SMTPLookup: Sendable, Hashable {
    public enum Command: Sendable, Hashable {
        /// VRFY: is there somebody of that name?
        case verify
        /// EXPN: whom does the name stand for?
        case expand
    }

    public var command: Command
    /// A name, an address, or an address in angle brackets, as the client wrote it.
    public var text: String
    /// Whether the answer may have UTF-8: RFC 6531 section 3.7.4.2.
    public var takesUTF8: Bool

    public init(_ command: Command, _ text: String, takesUTF8: Bool = false) {
        self.command = command
        self.text = text
        self.takesUTF8 = takesUTF8
    }

    /// What stands behind the verb. The parameter SMTPUTF8 is the last word: a name that is that word alone is a name.
    init(_ command: Command, argument: String) {
        let words = argument.split(separator: " ")
        let isParameter = words.count > 1 && words.last?.lowercased() == "smtputf8"
        self.init(
            command,
            isParameter ? words.dropLast().joined(separator: " ") : argument,
            takesUTF8: isParameter
        )
    }
}

extension SMTPServerSession {
    /// The SHA-256 of the certificate that the client's TLS handshake proved to be its own.
    public var certificateFingerprint: [UInt8]? { connection.certificateFingerprint }

    /// VRFY and EXPN, at any time, without effect on a transaction: RFC 5321 section 4.1.4. What strangers are told is for
    /// the authority to say.
    mutating func lookUp(_ lookup: SMTPLookup) -> Action {
        guard configuration.role == .transfer || configuration.role == .delivery || account != nil else {
            return fault(.authenticationRequired)
        }
        isLookingUp = true
        return .lookUp(lookup)
    }

    /// The authority has answered. What is not there counts as a wrong command, so that guessing names ends.
    public mutating func lookedUp(_ reply: SMTPReply) -> Action {
        guard isLookingUp else { return .send(.localError) }
        isLookingUp = false
        return reply.isPermanent ? fault(reply) : idle(reply)
    }
}
