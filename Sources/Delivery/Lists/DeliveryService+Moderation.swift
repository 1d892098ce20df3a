import DeliveryScheduler
import Directory
import MailBytes
import MailEvents
import MailNames
import MailingLists
import NIOCore
import SMTPProtocol
import Spool

/// A post that waits for a list's owner.
public struct HeldPost: Sendable, Hashable {
    public let id: QueueID
    public let list: String
    public let from: String
    public let subject: String
    public let size: Int
    public let received: Timestamp
}

/// Posts that the owner looks at first. They wait in the queue, held, and are approved or rejected by mail or by command.
extension DeliveryService {
    /// Holds the post and tells the owner.
    ///
    /// A message for others too is parted first: they do not wait.
    ///
    /// Until the owner has decided nothing is reported: the post is delivered, in the sense of RFC 3461 section 5.2.7.1, when the owner
    /// lets it through. Whom the owner rejects is told so by an ordinary message, and never by a report on success before it.
    func hold(_ mail: ListMail, because reason: String, _ lists: any ListDirectory) async throws -> DeliveryOutcome {
        let message = mail.message
        let isExpanded = message.target(mail.key)?.isExpanded == true
        if message.targets.count(where: { $0.state != .done }) > 1 || isExpanded {
            let isOneOfSeveral = message.target(mail.key).map { message.leads(of: $0) > 1 } ?? false
            var envelope = message.envelope
            envelope.recipients = [partedRecipient(mail, isOneOfSeveral: isOneOfSeveral)]
            let content = try await spooled(mail.content, message.id, pieces: mail.pieces)
            let id = try await commit(envelope, content, settling: mail.settled)
            record(
                message.id,
                .listCommand,
                [.recipient: mail.address.description, .reason: "waits by itself", .otherQueueID: id.description]
            )
            // An alias that leads to several addresses is told as expanded, which it was.
            return isOneOfSeveral ? .delivered : .passedOn
        }
        let seal = try await lists.listSeal()
        let token = { (purpose: ListToken.Purpose) in
            message.id.description
                + ListToken(
                    purpose,
                    list: mail.list.address,
                    subject: message.id.description,
                    expires: message.envelope.expires,
                    seal: seal
                ).text
        }
        let isWhole = mail.pieces == 1 && mail.content.readableBytes <= options.returnedContent.bytes
        let shown = isWhole ? mail.content.readableBytes : min(mail.header.headerEnd, 64 << 10)
        let post = ListAnswer.HeldPost(
            queueID: message.id.description,
            from: mail.header.authors.first?.description ?? mail.reversePath.description,
            subject: mail.header.subject,
            reason: reason,
            approveToken: token(.approve),
            rejectToken: token(.reject),
            content: Array(mail.content.readableBytesView.prefix(shown)),
            isWhole: isWhole
        )
        let held = SpoolProgress.control(isHeld: true, route: message.override?.description, of: message.id)
        let notice = ListAnswer(list: mail.list, recipient: mail.list.owner, kind: .held(post))
        let id = try await commit(notice, settling: held)
        message.isHeld = true
        return .held("\(reason); the owner is told in message \(id)")
    }

    /// Of whom the list's own message reports: as with every address that was led to, RFC 3461 sections 5.2.7.2 and 5.2.7.3.
    private func partedRecipient(_ mail: ListMail, isOneOfSeveral: Bool) -> EnvelopeRecipient {
        var recipient = EnvelopeRecipient(address: mail.list.address, notify: mail.message.notify(key: mail.key))
        guard let target = mail.message.target(mail.key) else { return recipient }
        let original = mail.message.envelope.recipients[target.recipient]
        recipient.originalRecipient = original.originalRecipient
        if target.isExpanded, recipient.originalRecipient == nil {
            recipient.originalRecipient = OriginalRecipient(
                addressType: original.address.isInternationalized ? "utf-8" : "rfc822",
                address: original.address.description
            )
        }
        if isOneOfSeveral { recipient.notify?.remove(.success) }
        return recipient
    }

    /// The owner's word came by mail.
    func moderate(
        _ mail: ListMail,
        _ detail: String,
        _ purpose: ListToken.Purpose,
        _ lists: any ListDirectory
    ) async throws -> DeliveryOutcome {
        // A vacation program that answers our question is not the owner.
        guard !mail.header.isAutomatic, mail.reversePath != .null else {
            drop(mail, "dropped: it is no word of a person")
            return .delivered
        }
        let name = String(detail.prefix(13))
        let given = ListToken.purpose(
            of: String(detail.dropFirst(13)),
            list: mail.list.address,
            subject: name,
            now: clock.now(),
            seal: try await lists.listSeal()
        )
        var isDone = false
        if given == purpose, let id = QueueID(name) {
            isDone = purpose == .approve ? await approvePost(id) : await rejectPost(id)
        }
        guard !isDone else {
            drop(mail, "\(purpose == .approve ? "approved" : "rejected") \(name.uppercased())")
            return .delivered
        }
        guard given == purpose, let asking = mail.header.correspondent(mail.reversePath) else {
            drop(mail, "dropped: a wrong or old token")
            return .delivered
        }
        try await answer(.nothingHeld, to: asking, mail, reason: "no such post waits")
        return .delivered
    }

    // MARK: For operators and owners

    /// The posts that wait, oldest first, at most 10,000.
    public func heldPosts() async -> [HeldPost] {
        await loading?.value
        var found: [HeldPost] = []
        var after: QueueID?
        while found.count < 10_000 {
            let page = scheduler.page(after: after, limit: 256) { $0.destination == .local && $0.state == .held }
            for id in page {
                guard let mail = await heldMail(id) else { continue }
                found.append(
                    HeldPost(
                        id: id,
                        list: mail.list.address.description,
                        from: mail.header.authors.first?.description ?? mail.reversePath.description,
                        subject: mail.header.subject,
                        size: mail.message.size,
                        received: mail.message.envelope.received
                    )
                )
            }
            guard let last = page.last else { break }
            after = last
        }
        return found
    }

    /// Lets a post through to the members; `false` where no such post waits, or it cannot be done now.
    public func approvePost(_ id: QueueID) async -> Bool {
        await decide(id, isApproved: true)
    }

    /// Drops a post and tells its author, unless that would be answering a program; `false` where no such post waits.
    public func rejectPost(_ id: QueueID) async -> Bool {
        await decide(id, isApproved: false)
    }

    private func decide(_ id: QueueID, isApproved: Bool) async -> Bool {
        guard let lists, let mail = await heldMail(id), let index = mail.message.index(mail.key),
            mail.message.targets[index].state == .waiting
        else { return false }
        let message = mail.message
        message.targets[index].state = .inFlight
        message.users += 1
        var isDone = false
        do {
            if isApproved {
                record(id, .released, [:])
                if case .delivered = try await distribute(mail, lists) { isDone = true }
            } else {
                try await reject(mail)
                isDone = true
            }
        } catch {
            logger.warning("A held post was not dealt with", metadata: ["queue-id": "\(id)", "error": "\(error)"])
        }
        if let index = message.index(mail.key) {
            message.targets[index].state = .waiting
            if isDone {
                let isTold = isApproved && reportSuccess(message, index, .delivered, now: clock.now())
                if !isTold { finish(message, keys: [mail.key]) }
            }
        }
        message.users -= 1
        ended(message)
        return isDone
    }

    private func reject(_ mail: ListMail) async throws {
        guard !mail.header.isAutomatic, let author = mail.reversePath.address else {
            drop(mail, "rejected")
            return
        }
        try await answer(.rejected(subject: mail.header.subject), to: author, mail, reason: "rejected")
    }

    /// The post of a held message; `nil` where it is none.
    private func heldMail(_ id: QueueID) async -> ListMail? {
        await takenUp(id)
        guard let lists, let message = await message(id), message.isHeld, !message.isDeleted else { return nil }
        if message.resolved == nil { try? await resolve(message) }
        guard message.resolved != nil,
            let target = message.targets.first(where: { $0.list?.role == .post && $0.state == .waiting }),
            let list = target.list, let settings = try? await lists.list(list.list),
            let content = try? await content(id), let pieces = try? pieces(message)
        else { return nil }
        return ListMail(
            message: message,
            key: target.key,
            address: target.address,
            target: list,
            list: settings,
            content: content,
            pieces: pieces,
            header: ArrivingPost(content.readableBytesUInt8Span)
        )
    }
}

extension ActiveMessage {
    /// What the sender wants to be told of an address.
    func notify(key: UInt32) -> DeliveryNotify? { target(key).flatMap { notify($0) } }
}
