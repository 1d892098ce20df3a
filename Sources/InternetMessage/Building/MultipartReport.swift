import MailBytes

/// The body of a report about a message: RFC 6522, with the types of RFC 6533 where addresses are internationalized.
public struct MultipartReport: Sendable {
    /// What comes back of the message.
    public enum Returned: Sendable {
        case message([UInt8])
        case header([UInt8])
    }

    /// What the report is about: `delivery-status` (RFC 3464), `disposition-notification` (RFC 8098), `feedback-report`
    /// (RFC 5965).
    public var reportType: String
    /// For people. Lines end in CR LF.
    public var explanation: String
    /// For programs: the fields of the report. Lines end in CR LF.
    public var fields: String
    public var returned: Returned?
    /// Addresses in it, or the header that comes back, are not ASCII: RFC 6533 section 3.
    public var isInternationalized: Bool

    public init(
        reportType: String,
        explanation: String,
        fields: String,
        returned: Returned?,
        isInternationalized: Bool
    ) {
        self.reportType = reportType
        self.explanation = explanation
        self.fields = fields
        self.returned = returned
        self.isInternationalized = isInternationalized
    }

    /// The body, to be put into a message.
    public var content: MessageContent {
        let global = isInternationalized ? "global-" : ""
        var parts: [MessageContent] = [
            .text(explanation),
            .asItIs(
                Array(fields.utf8),
                type: ContentField("message/\(global)\(reportType)"),
                description: "Report for programs"
            ),
        ]
        switch returned {
        case .message(let bytes):
            let type = isInternationalized ? "message/global" : "message/rfc822"
            parts.append(.asItIs(Self.ended(bytes), type: ContentField(type), description: "The message"))
        case .header(let bytes):
            let type = isInternationalized ? "message/global-headers" : "text/rfc822-headers"
            parts.append(.asItIs(Self.ended(bytes), type: ContentField(type), description: "The message's header"))
        case nil: break
        }
        return .multipart(
            subtype: "report",
            parameters: [.init(name: "report-type", value: global + reportType)],
            parts: parts
        )
    }

    private static func ended(_ bytes: [UInt8]) -> [UInt8] {
        bytes.suffix(2).elementsEqual([.carriageReturn, .lineFeed]) ? bytes : bytes + [.carriageReturn, .lineFeed]
    }
}
