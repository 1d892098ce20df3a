import DeliveryScheduler
import Directory
import InternetMessage
import MailBytes
import MailEvents
import MailNames
import MailingLists
import NIOCore
import SMTPProtocol
import Spool

/// A message that came to one of a list's addresses.
struct ListMail {
    let message: ActiveMessage
    /// The spool's number of the address, and the address.
    let key: UInt32
    let address: EmailAddress
    let target: ListTarget
    let list: ListSettings
    /// All of the content, or its first piece.
    let content: ByteBuffer
    let pieces: Int
    let header: ArrivingPost

    var reversePath: ReversePath { message.envelope.reversePath }
    /// That nothing is left to do for the address.
    var settled: SpoolProgress { .recipients([(Int(key), .finished)], of: message.id) }
}

/// What lists do. Whatever comes of a message, a post to thousands, an answer, a notice, is one new message at most, and is
/// committed in the same write as the end of what it came from: a crash repeats neither.
extension DeliveryService {
    func serve(
        _ target: ListTarget,
        _ key: UInt32,
        of message: ActiveMessage,
        _ content: ByteBuffer,
        _ pieces: Int
    ) async -> DeliveryOutcome {
        guard let lists, let address = message.target(key)?.address else {
            return .failed(DeliveryFailure(.systemTrouble, "Mailing lists are not served here now"))
        }
        do {
            guard let list = try await lists.list(target.list) else {
                return .failed(DeliveryFailure(EnhancedStatus(5, 1, 1), "There is no list \(address) any more"))
            }
            let mail = ListMail(
                message: message,
                key: key,
                address: address,
                target: target,
                list: list,
                content: content,
                pieces: pieces,
                header: ArrivingPost(content.readableBytesUInt8Span)
            )
            switch target.role {
            case .post: return try await post(mail, lists)
            case .bounces(let member): return try await bounce(mail, member, lists)
            case .approve(let token): return try await moderate(mail, token, .approve, lists)
            case .reject(let token): return try await moderate(mail, token, .reject, lists)
            case .request, .subscribe, .unsubscribe, .help, .confirm: return try await command(mail, lists)
            // Leads to the owner as an alias does.
            case .owner: return .failed(DeliveryFailure(.systemTrouble, "The list's owner cannot be told now"))
            }
        } catch let error as DirectoryError {
            return .failed(DeliveryFailure(.directoryUnavailable, "\(error)"))
        } catch {
            return .failed(DeliveryFailure(.systemTrouble, "The list \(address) cannot be served now: \(error)"))
        }
    }

    // MARK: Posts

    private func post(_ mail: ListMail, _ lists: any ListDirectory) async throws -> DeliveryOutcome {
        var isMember = false
        if mail.list.posting == .members {
            isMember = try await lists.isMember(mail.header.writers(mail.reversePath), of: mail.target.list)
        }
        let decision = PostDecision.of(
            mail.header,
            to: mail.list,
            reversePath: mail.reversePath,
            account: mail.message.envelope.origin.account,
            isMember: isMember
        )
        switch decision {
        case .distribute: return try await distribute(mail, lists)
        case .hold(let reason): return try await hold(mail, because: reason, lists)
        case .refuse(let status, let text): return .failed(DeliveryFailure(status, text))
        case .discard(let reason):
            drop(mail, "dropped: \(reason)")
            return .delivered
        }
    }

    /// Sends the post on to the members: one new message with all of them.
    func distribute(_ mail: ListMail, _ lists: any ListDirectory) async throws -> DeliveryOutcome {
        let members = try await lists.recipients(of: mail.target.list)
        guard !members.isEmpty else {
            drop(mail, "it has no members who get posts")
            return .delivered
        }
        guard mail.pieces == 1 || mail.header.headerEnd < mail.content.readableBytes else {
            return .failed(DeliveryFailure(EnhancedStatus(5, 3, 4), "Its header is too long for a mailing list"))
        }
        let message = mail.message
        let now = clock.now()
        var terms = DeliveryTerms(priority: message.envelope.terms.priority, hasPathPerRecipient: true)
        terms.requiresTLS = message.envelope.terms.requiresTLS
        terms.solicitation = message.envelope.terms.solicitation
        let envelope = Envelope(
            reversePath: .address(mail.list.address(of: .bounces(nil))),
            // The list is told of failures; delays are its own business: RFC 3461 section 5.2.7.
            recipients: members.map { EnvelopeRecipient(address: $0, notify: .failure) },
            bodyType: message.envelope.bodyType,
            isInternationalized: message.envelope.isInternationalized,
            returnContent: .headers,
            origin: MessageOrigin(door: .list, transmissionType: "LOCAL"),
            received: now,
            expires: now + (message.envelope.expires - message.envelope.received),
            terms: terms
        )
        let (header, rest) = ListHeader.rewritten(
            mail.content.readableBytesUInt8Span,
            for: mail.list,
            isPersonal: options.unsubscribePage != nil
        )
        var first = ByteBuffer(bytes: header)
        if let slice = mail.content.getSlice(
            at: mail.content.readerIndex + rest,
            length: mail.content.readableBytes - rest
        ) {
            first.writeImmutableBuffer(slice)
        }
        let content = try await spooled(first, message.id, pieces: mail.pieces)
        let id = try await commit(envelope, content, settling: mail.settled)
        let count = members.count == 1 ? "1 member" : "\(members.count) members"
        record(
            message.id,
            .distributed,
            [.recipient: mail.address.description, .reason: "sent on to \(count)", .otherQueueID: id.description]
        )
        record(
            id,
            .received,
            [
                .sender: envelope.reversePath.description, .recipient: count, .door: "the list \(mail.list.address)",
                .messageID: mail.header.messageID, .otherQueueID: message.id.description,
            ]
        )
        return .delivered
    }

    /// Content for the spool: a first piece that was changed, and the others as they are.
    func spooled(_ first: ByteBuffer, _ id: QueueID, pieces: Int) async throws -> Spool.Content {
        guard pieces > 1 else { return .buffers([first]) }
        let upload = spool.upload(on: eventLoop)
        try await append(first, to: upload)
        for piece in 1..<pieces { try await append(try await self.content(id, piece: piece), to: upload) }
        return .upload(upload)
    }

    private func append(_ buffer: ByteBuffer, to upload: SpoolUpload) async throws {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            if upload.append(buffer, resume: { continuation.resume() }) { continuation.resume() }
        }
    }

    // MARK: Commands

    private func command(_ mail: ListMail, _ lists: any ListDirectory) async throws -> DeliveryOutcome {
        // What a program wrote is not answered: RFC 3834 section 2.
        guard !mail.header.isAutomatic, let asking = mail.header.correspondent(mail.reversePath) else {
            drop(mail, "dropped: it is no request of a person")
            return .delivered
        }
        let command = ListCommand.of(mail.target.role, subject: mail.header.subject, text: text(of: mail))
        let kind: ListAnswer.Kind
        var recipient = asking
        switch command {
        case .help: kind = .help
        case .subscribe:
            if mail.list.subscription == .closed {
                kind = .closed
            } else {
                kind = .confirmSubscription(token: try await token(.subscribe, mail, asking.description, lists))
            }
        case .unsubscribe:
            if try await lists.isMember([asking], of: mail.target.list) {
                kind = .confirmUnsubscription(token: try await token(.unsubscribe, mail, asking.description, lists))
            } else {
                kind = .notMember
            }
        case .confirm(let token): (kind, recipient) = try await confirm(token, asking, mail, lists)
        }
        guard mayAsk(kind, recipient, mail) else {
            drop(mail, "dropped: \(recipient) was asked a moment ago")
            return .delivered
        }
        try await answer(kind, to: recipient, mail, reason: "\(Self.word(for: kind)) \(recipient)")
        return .delivered
    }

    /// Whether it is no question, or the first in a while: a question goes to whom the request names, who may not have made it.
    private func mayAsk(_ kind: ListAnswer.Kind, _ recipient: EmailAddress, _ mail: ListMail) -> Bool {
        let question: String
        switch kind {
        case .confirmSubscription: question = "join \(mail.list.address) \(recipient)"
        case .confirmUnsubscription: question = "leave \(mail.list.address) \(recipient)"
        default: return true
        }
        let now = clock.now()
        if let last = questions[question], now - last < options.listQuestionInterval { return false }
        if questions.count >= Self.questionsRemembered { questions.removeAll() }
        questions[question] = now
        return true
    }

    private static let questionsRemembered = 10_000

    /// The first words of the message's text.
    private func text(of mail: ListMail) -> String {
        guard mail.target.role == .request else { return "" }
        var parser = MessageParser()
        parser.consume(mail.content.readableBytesUInt8Span)
        return parser.finish().preview
    }

    private func token(
        _ purpose: ListToken.Purpose,
        _ mail: ListMail,
        _ subject: String,
        _ lists: any ListDirectory
    ) async throws -> String {
        ListToken(
            purpose,
            list: mail.list.address,
            subject: subject,
            expires: clock.now() + options.listTokenLifetime,
            seal: try await lists.listSeal()
        ).text
    }

    private func confirm(
        _ token: String,
        _ asking: EmailAddress,
        _ mail: ListMail,
        _ lists: any ListDirectory
    ) async throws -> (ListAnswer.Kind, EmailAddress) {
        let seal = try await lists.listSeal()
        for address in mail.header.writers(mail.reversePath) {
            let purpose = ListToken.purpose(
                of: token,
                list: mail.list.address,
                subject: address.description,
                now: clock.now(),
                seal: seal
            )
            switch purpose {
            case .subscribe:
                guard mail.list.subscription == .open else { return (.closed, address) }
                let added = try await lists.addMembers([address], to: mail.target.list)
                return (added > 0 ? .welcome : .alreadyMember, address)
            case .unsubscribe:
                let removed = try await lists.removeMembers([address], from: mail.target.list)
                return (removed > 0 ? .goodbye : .notMember, address)
            case .approve, .reject, nil: continue
            }
        }
        return (.invalidToken, asking)
    }

    private static func word(for kind: ListAnswer.Kind) -> String {
        switch kind {
        case .confirmSubscription, .confirmUnsubscription: "asked to confirm:"
        case .welcome: "joined:"
        case .goodbye: "left:"
        case .alreadyMember: "is a member already:"
        case .notMember: "is not a member:"
        case .closed: "may not join by mail:"
        case .invalidToken: "a wrong or old token of"
        case .help: "told how it works:"
        case .held, .nothingHeld, .suspended, .rejected: "told"
        }
    }

    // MARK: Bounces

    private func bounce(_ mail: ListMail, _ member: String?, _ lists: any ListDirectory) async throws -> DeliveryOutcome
    {
        let report = BounceReport(mail.content.readableBytesUInt8Span)
        guard report != nil || mail.reversePath == .null else {
            drop(mail, "dropped: it is no report")
            return .delivered
        }
        var bounces: [ListBounce] = []
        if let member = member.flatMap(VariableReturnPath.recipient) {
            // The path tells the member; the report, where it is one, whether it failed and how.
            let unclear = BounceReport.Failure(nil, .temporary, mail.header.subject)
            if let failure = report == nil ? unclear : report?.failures.first {
                bounces = [ListBounce(member: member, severity: failure.severity, reason: failure.reason)]
            }
        } else {
            bounces = (report?.failures ?? []).compactMap { failure in
                failure.recipient.map { ListBounce(member: $0, severity: failure.severity, reason: failure.reason) }
            }
        }
        var suspended: [ListBounce] = []
        if !bounces.isEmpty { suspended = try await lists.countBounces(bounces, of: mail.target.list) }
        let counted =
            bounces.count == 1 ? "came back from \(bounces[0].member)" : "came back from \(bounces.count) members"
        guard !suspended.isEmpty else {
            drop(mail, bounces.isEmpty ? "a report of no failure" : counted)
            return .delivered
        }
        let members = suspended.prefix(Self.suspendedMembersShown).map {
            ListAnswer.SuspendedMember(address: $0.member, reason: $0.reason)
        }
        try await answer(
            .suspended(Array(members)),
            to: mail.list.owner,
            mail,
            reason: "\(counted), of whom \(suspended.count) get no more posts"
        )
        return .delivered
    }

    /// Members that one notice names.
    private static let suspendedMembersShown = 1000

    // MARK: Writing

    /// Nothing comes of the message, or nothing more.
    func drop(_ mail: ListMail, _ reason: String) {
        record(mail.message.id, .listCommand, [.recipient: mail.address.description, .reason: reason])
    }

    /// Writes to somebody, in the same write as the end of the message that it answers.
    func answer(
        _ kind: ListAnswer.Kind,
        to recipient: EmailAddress,
        _ mail: ListMail,
        reason: String,
        settling: SpoolProgress? = nil
    ) async throws {
        let answer = ListAnswer(list: mail.list, recipient: recipient, kind: kind, inReplyTo: mail.header.messageID)
        let id = try await commit(answer, settling: settling ?? mail.settled)
        record(
            mail.message.id,
            .listCommand,
            [.recipient: mail.address.description, .reason: reason, .otherQueueID: id.description]
        )
    }

    func commit(_ answer: ListAnswer, settling: SpoolProgress?) async throws -> QueueID {
        let now = clock.now()
        let unique = "\(now.microseconds).\(String(UInt64.random(in: .min ... .max), radix: 36))"
        let (bytes, isEightBit) = answer.compose(unique: unique, now: now)
        let envelope = Envelope(
            reversePath: .null,
            recipients: [EnvelopeRecipient(address: answer.recipient, notify: .never)],
            bodyType: isEightBit || answer.recipient.isInternationalized ? .eightBitMIME : .sevenBit,
            isInternationalized: answer.recipient.isInternationalized,
            origin: MessageOrigin(door: .list, transmissionType: "LOCAL"),
            received: now,
            expires: now + options.reportLifetime
        )
        return try await commit(envelope, .buffers([ByteBuffer(bytes: bytes)]), settling: settling)
    }

    func commit(_ envelope: Envelope, _ content: Spool.Content, settling: SpoolProgress?) async throws -> QueueID {
        let (spool, eventLoop) = (self.spool, self.eventLoop)
        // What was told before goes before: the spool takes one after the other.
        tellSpool()
        return try await withCheckedThrowingContinuation { continuation in
            spool.commit(envelope, content, settling: settling, on: eventLoop) { continuation.resume(with: $0) }
        }
    }
}
