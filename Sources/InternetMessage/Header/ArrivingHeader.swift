import MailBytes

/// What admission wants to know of a message's header while its sender waits.
public struct ArrivingHeader: Sendable, Equatable {
    /// With its angle brackets, as it stands; `nil` where there is none, or an empty one.
    public var messageID: String?
    public var hasDate = false
    public var hasFrom = false
    /// Received fields: what loops are cut by, RFC 5321 section 6.3.
    public var receivedCount = 0
    /// The Solicitation field: RFC 3865 section 2.5.
    public var solicitation: String?
    /// `TLS-Required: No`: RFC 8689 section 3.
    public var waivesTLS = false
    public var hasBcc = false

    /// Reads the header at the front of a message.
    public init(_ message: Span<UInt8>) {
        var scanner = HeaderScanner()
        while let field = scanner.next(message) {
            let name = message.extracting(field.name)
            if name.equals("Received") {
                receivedCount += 1
            } else if name.equals("Message-ID") {
                let value = message.unfolded(field.value)
                // To count characters takes longer than all the rest here.
                if messageID == nil && !value.isEmpty {
                    messageID = value.utf8.count <= 998 ? value : String(value.prefix(998))
                }
            } else if name.equals("Date") {
                hasDate = true
            } else if name.equals("From") {
                hasFrom = true
            } else if name.equals("Bcc") || name.equals("Resent-Bcc") {
                hasBcc = true
            } else if name.equals("TLS-Required") {
                if message.unfolded(field.value).lowercased() == "no" { waivesTLS = true }
            } else if name.equals("Solicitation") {
                if solicitation == nil { solicitation = String(message.unfolded(field.value).prefix(1000)) }
            }
        }
    }
}
