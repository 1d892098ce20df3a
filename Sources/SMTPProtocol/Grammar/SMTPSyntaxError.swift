import MailNames

/// Why a command line is not what the grammar says: RFC 5321 section 4.1.
public struct SMTPSyntaxError: Error, Hashable, Sendable {
    public enum Reason: Hashable, Sendable {
        case unknownVerb
        case missingArgument
        case unexpectedArgument
        case path(AddressSyntaxError.Reason?)
        case parameter
        case duplicateParameter
        case unknownParameter
        case internationalizedWithoutExtension
    }

    public let reason: Reason

    public init(_ reason: Reason) {
        self.reason = reason
    }
}
