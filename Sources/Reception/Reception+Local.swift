import InternetMessage
import MailBytes
import MailEvents
import MailNames
import NIOCore
import SMTPChannels
import SMTPProtocol
import Spool

/// A message from a program on this machine.
public struct LocalSubmission: Sendable {
    /// `nil` where the program did not say: the user's own address is taken.
    public var sender: ReversePath?
    public var recipients: [EmailAddress]
    public var takesRecipientsFromHeader: Bool
    /// Lines ending in LF or CR LF.
    public var content: [UInt8]
    public var user: String

    public init(
        sender: ReversePath?,
        recipients: [EmailAddress],
        takesRecipientsFromHeader: Bool,
        content: [UInt8],
        user: String
    ) {
        self.sender = sender
        self.recipients = recipients
        self.takesRecipientsFromHeader = takesRecipientsFromHeader
        self.content = content
        self.user = user
    }
}

/// Why a local message was not taken, as a reply.
public struct LocalSubmissionRefused: Error, Sendable, CustomStringConvertible {
    public let reply: SMTPReply

    public var description: String { "the message was not taken: \(reply.oneLine)" }
}

extension Reception {
    /// Takes a message from this machine: the same spool and trace as for all others. Durable on return.
    ///
    /// - Throws: `LocalSubmissionRefused`.
    public func submitLocally(_ submission: LocalSubmission, on loop: any EventLoop) async throws -> QueueID {
        var recipients = submission.recipients
        let (content, addressed) = Self.prepared(submission.content)
        if submission.takesRecipientsFromHeader { recipients += addressed }
        var seen: Set<EmailAddress> = []
        recipients.removeAll { !seen.insert($0).inserted }
        guard !recipients.isEmpty else { throw LocalSubmissionRefused(reply: .noValidRecipients) }
        let host = currentOptions().hostName
        let own = try? EmailAddress(parsing: "\(submission.user)@\(host)")
        let client = SMTPClientDescription(
            peer: nil,
            helo: host,
            account: own?.description,
            tls: nil,
            role: .submission,
            isExtended: true
        )
        let now = clock.now()
        let envelope = Envelope(
            reversePath: submission.sender ?? own.map(ReversePath.address) ?? .null,
            recipients: recipients.map { EnvelopeRecipient(address: $0) },
            bodyType: content.contains { $0 >= 0x80 } ? .eightBitMIME : .sevenBit,
            isInternationalized: recipients.contains(where: \.isInternationalized),
            origin: MessageOrigin(door: .sendmail, helo: host, account: own?.description, transmissionType: "local"),
            received: now,
            expires: now + currentOptions().messageLifetime
        )
        let head = ArrivingHeader(content.span)
        let received = ReceivedField(
            helo: "\(submission.user)@\(host)",
            peer: nil,
            host: host,
            transmissionType: "local",
            time: now
        )
        var front = received.bytes
        if !head.hasDate { front += Array("Date: \(now.internetDate)\r\n".utf8) }
        if !head.hasFrom, let own { front += Array("From: <\(own)>\r\n".utf8) }
        if head.messageID == nil {
            let unique = String(UInt64.random(in: .min ... .max), radix: 36)
            front += Array("Message-ID: <\(now.microseconds).\(unique)@\(host)>\r\n".utf8)
        }
        let buffers = [ByteBuffer(bytes: front), ByteBuffer(bytes: content)]
        let promise = loop.makePromise(of: QueueID.self)
        spool.commit(envelope, .buffers(buffers), on: loop) { result in
            promise.completeWith(result.mapError { $0 as any Error })
        }
        do {
            let id = try await promise.futureResult.get()
            var event = TraceEvent(
                .received,
                [
                    .sender: envelope.reversePath.description, .messageID: head.messageID, .door: "sendmail",
                    .account: client.account, .transmission: "local", .size: String(front.count + content.count),
                ]
            )
            event.fields += recipients.prefix(100).map { TraceEvent.Entry(.recipient, $0.description) }
            record(id, event)
            return id
        } catch {
            let isFull = (error as? SpoolError)?.reason == .full
            throw LocalSubmissionRefused(reply: isFull ? .storageFull : .localError)
        }
    }

    /// The content with CR LF lines and without Bcc, and the addresses of To, Cc and Bcc.
    static func prepared(_ content: [UInt8]) -> (content: [UInt8], addressed: [EmailAddress]) {
        var lines: [UInt8] = []
        lines.reserveCapacity(content.count + content.count / 32)
        for (index, byte) in content.enumerated() {
            if byte == .lineFeed && (index == 0 || content[index - 1] != .carriageReturn) {
                lines.append(.carriageReturn)
            }
            // A bare CR would be a line end to some.
            if byte == .carriageReturn && (index + 1 == content.count || content[index + 1] != .lineFeed) { continue }
            lines.append(byte)
        }
        if !lines.suffix(2).elementsEqual([.carriageReturn, .lineFeed]) { lines.append("\r\n") }
        var addressed: [EmailAddress] = []
        var kept: [UInt8] = []
        var scanner = HeaderScanner()
        let span = lines.span
        while let field = scanner.next(span) {
            let name = span.extracting(field.name)
            let isBlind = name.equals("Bcc")
            if isBlind || name.equals("To") || name.equals("Cc") {
                addressed += AddressList(parsing: span.extracting(field.value)).addresses
            }
            if !isBlind { kept += span.extracting(field.whole).bytes }
        }
        let end = scanner.end
        // A message without an empty line after its header gets one.
        if end < lines.count && lines[end] != .carriageReturn { kept.append("\r\n") }
        return (kept + lines[end...], addressed)
    }
}
