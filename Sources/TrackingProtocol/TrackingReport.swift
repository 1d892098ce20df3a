import MailBytes

/// What became of one message, recipient by recipient: message/tracking-status, RFC 3886.
public struct TrackingReport: Sendable, Equatable {
    /// RFC 3886 section 3.3.3.
    public enum Action: String, Sendable, Equatable {
        case failed, delayed, delivered, expanded, relayed, transferred, opaque
    }

    public struct Recipient: Sendable, Equatable {
        /// With the type in front: `rfc822; user1@example1.com`.
        public var original: String
        public var final: String
        public var action: Action
        /// `2.1.9`
        public var status: String
        public var remoteHost: String?
        public var lastAttempt: Timestamp?

        public init(
            original: String,
            final: String,
            action: Action,
            status: String,
            remoteHost: String? = nil,
            lastAttempt: Timestamp? = nil
        ) {
            self.original = original
            self.final = final
            self.action = action
            self.status = status
            self.remoteHost = remoteHost
            self.lastAttempt = lastAttempt
        }
    }

    public var envelopeID: String
    /// Our name.
    public var reportingHost: String
    public var arrival: Timestamp
    public var recipients: [Recipient]

    public init(envelopeID: String, reportingHost: String, arrival: Timestamp, recipients: [Recipient]) {
        self.envelopeID = envelopeID
        self.reportingHost = reportingHost
        self.arrival = arrival
        self.recipients = recipients
    }

    /// A multipart/related body part with the report in it: RFC 3887 section 4, the fields of RFC 3886 section 3.
    public var lines: [String] {
        // Nothing in a report begins with hyphens, so that any boundary does.
        let boundary = "=_tracking"
        var lines = [
            "Content-Type: multipart/related; boundary=\"\(boundary)\"; type=\"message/tracking-status\"", "",
            "--\(boundary)", "Content-Type: message/tracking-status", "",
            "Original-Envelope-Id: \(Self.printable(envelopeID))", "Reporting-MTA: dns; \(reportingHost)",
            "Arrival-Date: \(arrival.internetDate)",
        ]
        for recipient in recipients {
            lines += [
                "", "Original-Recipient: \(Self.printable(recipient.original))",
                "Final-Recipient: \(Self.printable(recipient.final))", "Action: \(recipient.action.rawValue)",
                "Status: \(recipient.status)",
            ]
            if let host = recipient.remoteHost { lines.append("Remote-MTA: dns; \(Self.printable(host))") }
            if let time = recipient.lastAttempt { lines.append("Last-Attempt-Date: \(time.internetDate)") }
        }
        return lines + ["", "--\(boundary)--"]
    }

    private static let textLimit = 900

    /// What others have said goes into lines of bounded length without what would end them.
    private static func printable(_ text: String) -> String {
        String(decoding: text.utf8.prefix(textLimit).map { $0.isASCIIControl ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }
}
