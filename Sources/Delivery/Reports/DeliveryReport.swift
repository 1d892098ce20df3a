import InternetMessage
import MailBytes
import MailNames
import NIOCore
import SMTPProtocol

/// A delivery status notification: RFC 3464, with the forms of RFC 6533 where addresses are internationalized.
struct DeliveryReport {
    var reportingHost: Domain
    var envelope: Envelope
    var items: [ReportItem]
    /// The queue id of the message reported on, and what makes this report's Message-ID unique.
    var queueID: String
    var unique: String
    var recipient: EmailAddress
    /// The message, or its header alone.
    var returned: ByteBuffer
    var returnsWholeMessage: Bool
    var now: Timestamp
    /// Whether the message could not be read any more, so that nothing of it is returned.
    var contentIsLost = false

    /// Whether it has octets beyond ASCII, and goes out with BODY=8BITMIME.
    private(set) var isEightBit = false

    init(
        reportingHost: Domain,
        envelope: Envelope,
        items: [ReportItem],
        queueID: String,
        unique: String,
        recipient: EmailAddress,
        returned: ByteBuffer,
        returnsWholeMessage: Bool,
        now: Timestamp
    ) {
        self.reportingHost = reportingHost
        self.envelope = envelope
        self.items = items
        self.queueID = queueID
        self.unique = unique
        self.recipient = recipient
        self.returned = returned
        self.returnsWholeMessage = returnsWholeMessage
        self.now = now
    }

    /// Whether an address in it cannot be written in ASCII, so that the global forms are needed: RFC 6533 section 3.
    var isInternationalized: Bool {
        envelope.isInternationalized || recipient.isInternationalized
            || items.contains { $0.finalRecipient.isInternationalized }
    }

    /// The whole message, lines ending in CR LF.
    mutating func compose() -> ByteBuffer {
        let content = Array(returned.readableBytesView)
        let report = MultipartReport(
            reportType: "delivery-status",
            explanation: explanation,
            fields: statusFields,
            returned: returnsWholeMessage ? .message(content) : .header(content),
            isInternationalized: isInternationalized
        ).content
        isEightBit = report.isEightBit || recipient.isInternationalized
        var message = MessageBuilder()
        message.add("From", words: "Mail Delivery System <MAILER-DAEMON@\(reportingHost.ascii)>")
        message.add("To", words: "<\(recipient)>")
        message.add("Subject", text: subject)
        message.add("Date", date: now)
        message.add("Message-ID", words: "<\(unique)@\(reportingHost.ascii)>")
        message.add("Auto-Submitted", words: "auto-replied")
        return ByteBuffer(bytes: message.finish(report))
    }

    private var actions: Set<ReportItem.Action> { Set(items.map(\.action)) }

    private var subject: String {
        if actions.contains(.failed) { return "Your message could not be delivered" }
        if actions.contains(.delayed) { return "Your message is delayed" }
        return "Your message was delivered"
    }

    // MARK: For people

    private var explanation: String {
        var lines: [String] = []
        if actions.contains(.failed) {
            lines.append(
                "Your message could not be delivered to one or more recipients. They are listed below with the reasons."
            )
        } else if actions.contains(.delayed) {
            lines.append(
                "Your message has not been delivered yet. You need do nothing: it is tried again until it is delivered or"
            )
            lines.append("its time is over, and in that case you are told.")
        } else {
            lines.append("You asked to be told what becomes of your message.")
        }
        lines.append("")
        lines.append(
            "This was written by the mail server \(reportingHost.ascii). The message's queue id is \(queueID)."
        )
        if contentIsLost { lines.append("Your message cannot be read here any more, so that it is not returned.") }
        for item in items {
            lines.append("")
            lines.append("<\(item.finalRecipient)>: \(item.action.rawValue) (\(item.status))")
            lines.append("    \(Self.oneLine(item.text))")
            if let until = item.willRetryUntil { lines.append("    It is tried until \(until.internetDate).") }
        }
        var dialogues: [String] = []
        for case let dialogue? in items.map(\.dialogue) where !dialogue.isEmpty && !dialogues.contains(dialogue) {
            dialogues.append(dialogue)
        }
        for dialogue in dialogues.prefix(5) {
            lines.append("")
            lines.append("What the two servers said (C is this one, S the other):")
            lines.append("")
            for line in dialogue.split(separator: "\n").prefix(80) { lines.append("    \(Self.oneLine(String(line)))") }
        }
        return lines.joined(separator: "\r\n") + "\r\n"
    }

    // MARK: For programs

    private var statusFields: String {
        var text = "Reporting-MTA: dns; \(reportingHost.ascii)\r\n"
        if let id = envelope.envelopeID { text += "Original-Envelope-Id: \(Self.oneLine(id))\r\n" }
        if let helo = envelope.origin.helo { text += "Received-From-MTA: dns; \(Self.oneLine(helo))\r\n" }
        text += "Arrival-Date: \(envelope.received.internetDate)\r\n"
        // Which of HOLDFOR and HOLDUNTIL it was is not kept; the moment is the same: RFC 4865 section 5.1.2.
        if let time = envelope.terms.holdUntil { text += "Future-Release-Request: until;\(time.rfc3339)\r\n" }
        if let by = envelope.terms.deliverBy { text += "Deliver-By-Date: \(by.time.internetDate)\r\n" }
        for item in items {
            text += "\r\n"
            if let original = envelope.recipients[item.recipient].originalRecipient {
                text += "Original-Recipient: \(original.addressType); \(Self.oneLine(original.address))\r\n"
            } else if item.finalRecipient != envelope.recipients[item.recipient].address {
                let address = envelope.recipients[item.recipient].address
                text += "Original-Recipient: \(Self.type(of: address)); \(address)\r\n"
            }
            text += "Final-Recipient: \(Self.type(of: item.finalRecipient)); \(item.finalRecipient)\r\n"
            text += "Action: \(item.action.rawValue)\r\nStatus: \(item.status)\r\n"
            if let host = item.remoteHost { text += "Remote-MTA: dns; \(Self.oneLine(host))\r\n" }
            if let reply = item.reply { text += "Diagnostic-Code: smtp; \(Self.folded(reply))\r\n" }
            text += "Last-Attempt-Date: \(item.lastAttempt.internetDate)\r\n"
            if let until = item.willRetryUntil { text += "Will-Retry-Until: \(until.internetDate)\r\n" }
        }
        return text
    }

    private static func type(of address: EmailAddress) -> String { address.isInternationalized ? "utf-8" : "rfc822" }

    /// Text of others without what would end a line, and not longer than a line may be: RFC 5322 section 2.1.1.
    private static func oneLine(_ text: String) -> String {
        let clean = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) }
        return String(String(clean).prefix(700))
    }

    /// The text on lines of 76 characters or, where it has no space, longer ones: RFC 5322 section 2.2.3.
    private static func folded(_ text: String) -> String {
        var result = ""
        var length = 24
        for word in oneLine(text).split(separator: " ") {
            if length + word.count > 76 && !result.isEmpty {
                result += "\r\n "
                length = 1
            } else if !result.isEmpty {
                result += " "
                length += 1
            }
            result += word
            length += word.count
        }
        return result
    }
}
