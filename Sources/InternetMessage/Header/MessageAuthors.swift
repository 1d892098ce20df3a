import MailBytes
import MailNames

/// Who a message says it is from: RFC 5322 section 3.6.2.
public struct MessageAuthors: Sendable, Equatable {
    /// All addresses of all From fields, in order. There should be one field, but readers do not agree which of two counts.
    public var addresses: [EmailAddress] = []
    /// Whether a From field has something in it and no address.
    public var hasFieldWithoutAddress = false

    /// Reads the header at the front of a message.
    public init(_ message: Span<UInt8>) {
        var scanner = HeaderScanner()
        while let field = scanner.next(message) {
            guard message.extracting(field.name).equals("From") else { continue }
            let found = AddressList(parsing: message.extracting(field.value)).addresses
            addresses += found
            if found.isEmpty && !message.unfolded(field.value).isEmpty { hasFieldWithoutAddress = true }
        }
    }
}
