import InternetMessage
import MailBytes
import MailNames

/// What a list writes to somebody by itself.
///
/// All of them go out with the null reverse-path and say that a program wrote them, so that no program answers: RFC 3834 sections 3.1 and
/// 3.3.
public struct ListAnswer: Sendable, Equatable {
    /// What is said.
    public enum Kind: Sendable, Equatable {
        /// Whoever reads this proves by answering that the address is theirs.
        case confirmSubscription(token: String)
        case confirmUnsubscription(token: String)
        case welcome
        case goodbye
        case alreadyMember
        case notMember
        /// Joining by mail is not possible.
        case closed
        /// The token was wrong or too old, or belongs to another address.
        case invalidToken
        case help
        /// To the owner: a post waits.
        case held(HeldPost)
        /// To the owner: the post that was meant is not there any more.
        case nothingHeld
        /// To the owner: members whose mail comes back get no more.
        case suspended([SuspendedMember])
        /// To an author: the owner did not let the post through.
        case rejected(subject: String)
    }

    /// A post that the owner is asked about.
    public struct HeldPost: Sendable, Equatable {
        public var queueID: String
        public var from: String
        public var subject: String
        public var reason: String
        public var approveToken: String
        public var rejectToken: String
        /// The message as far as it is shown, lines ending in CR LF.
        public var content: [UInt8]
        /// Whether `content` is all of it; else it is the header alone.
        public var isWhole: Bool

        public init(
            queueID: String,
            from: String,
            subject: String,
            reason: String,
            approveToken: String,
            rejectToken: String,
            content: [UInt8],
            isWhole: Bool
        ) {
            self.queueID = queueID
            self.from = from
            self.subject = subject
            self.reason = reason
            self.approveToken = approveToken
            self.rejectToken = rejectToken
            self.content = content
            self.isWhole = isWhole
        }
    }

    /// A member who was suspended, and what was the matter last.
    public struct SuspendedMember: Sendable, Equatable {
        public var address: EmailAddress
        public var reason: String

        public init(address: EmailAddress, reason: String) {
            self.address = address
            self.reason = reason
        }
    }

    public var list: ListSettings
    public var recipient: EmailAddress
    public var kind: Kind
    /// The Message-ID of what is answered, with its angle brackets.
    public var inReplyTo: String?

    public init(list: ListSettings, recipient: EmailAddress, kind: Kind, inReplyTo: String? = nil) {
        self.list = list
        self.recipient = recipient
        self.kind = kind
        self.inReplyTo = inReplyTo
    }

    /// The message, lines ending in CR LF.
    ///
    /// - Parameter unique: what makes its Message-ID one of its own.
    public func compose(unique: String, now: Timestamp) -> (bytes: [UInt8], isEightBit: Bool) {
        var message = MessageBuilder()
        message.add("From", mailboxes: [Mailbox(displayName: list.name, address: list.address(of: .request))])
        if let replyTo { message.add("Reply-To", words: "<\(replyTo)>") }
        message.add("To", words: "<\(recipient)>")
        message.add("Subject", text: subject)
        message.add("Date", date: now)
        message.add("Message-ID", words: "<\(unique)@\(list.address.host.ascii)>")
        if let inReplyTo, inReplyTo.utf8.allSatisfy(\.isVisible) { message.add("In-Reply-To", words: inReplyTo) }
        message.add("Auto-Submitted", words: isAnswer ? "auto-replied" : "auto-generated")
        message.add("List-Id", words: "<\(list.identifier)>")
        let content = self.content
        return (message.finish(content), content.isEightBit)
    }

    private var isAnswer: Bool {
        switch kind {
        case .held, .suspended: false
        default: true
        }
    }

    /// Where an answer does what was asked about.
    private var replyTo: EmailAddress? {
        switch kind {
        case .confirmSubscription(let token), .confirmUnsubscription(let token): list.address(of: .confirm(token))
        case .held(let post): list.address(of: .approve(post.approveToken))
        default: nil
        }
    }

    private var content: MessageContent {
        guard case .held(let post) = kind else { return .text(text) }
        return .multipart(
            subtype: "mixed",
            parts: [
                .text(text),
                .asItIs(
                    post.content,
                    type: ContentField(post.isWhole ? "message/rfc822" : "text/rfc822-headers"),
                    description: post.isWhole ? "The post" : "The post's header"
                ),
            ]
        )
    }
}
