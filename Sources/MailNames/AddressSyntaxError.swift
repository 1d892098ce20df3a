/// Why a text is no address, domain or address literal.
public struct AddressSyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        case empty
        case missingAt
        case localPartSyntax
        case localPartTooLong
        case domainSyntax
        case domainTooLong
        case labelTooLong
        case internationalizedDomain
        case literalSyntax
    }

    public let reason: Reason

    public init(_ reason: Reason) {
        self.reason = reason
    }

    /// One sentence about the text, without the text.
    public var description: String {
        switch reason {
        case .empty: "an address is missing"
        case .missingAt: "an address has the form name@domain"
        case .localPartSyntax: "the part before the @ has characters that need quotes, or dots in wrong places"
        case .localPartTooLong: "the part before the @ is longer than 64 octets"
        case .domainSyntax: "the domain has an empty label or a character that no domain has"
        case .domainTooLong: "the domain is longer than 255 octets"
        case .labelTooLong: "a label of the domain is longer than 63 octets"
        case .internationalizedDomain: "the domain is not a valid internationalized name"
        case .literalSyntax: "an address literal has the form [192.0.2.1] or [IPv6:2001:db8::1]"
        }
    }
}
