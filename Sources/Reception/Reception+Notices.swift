import MailEvents
import MailNames
import SMTPProtocol

/// SOML and SAML: the recipients' open sessions hear of a message, RFC 821 section 3.4.
extension Reception {
    /// Who tells the sessions. In a struct, since a bare closure in a generic box is wrapped once more with each access.
    struct Noticing: Sendable {
        let body: @Sendable (QueueID, [EmailAddress]) -> Void
    }

    /// Who is told of such a message once it is on stable storage, from now on.
    public func whenNoticeIsRaised(_ body: @escaping @Sendable (QueueID, [EmailAddress]) -> Void) {
        noticing.withLock { $0 = Noticing(body: body) }
    }

    func raiseNotice(_ id: QueueID, _ transaction: SMTPTransaction) {
        noticing.withLock { $0 }?.body(id, transaction.recipients.map(\.address))
    }
}
