/// Transactions with TRANSID, which go on after their connection was lost: RFC 1845 section 3.
extension SMTPServerSession {
    /// How a transaction with TRANSID stands.
    public enum CheckpointState: Sendable {
        /// There is none, or it is over, and its client knows: it aborted it, began another, or said QUIT.
        case none
        case open
        /// The message was taken. That the client heard of it is not known yet.
        case complete
    }

    /// What is known of a transaction with TRANSID.
    public enum Recollection: Sendable {
        case new
        /// Another connection has it.
        case inUse
        /// Its content broke off behind `contentSize` octets, where a line begins.
        case interrupted(SMTPTransaction)
        /// It is complete, and its client was told this in vain.
        case completed(SMTPTransaction, SMTPReply)
    }

    /// The sender is accepted: the transaction is open, unless it may be an earlier one.
    mutating func open(_ transaction: SMTPTransaction, _ reply: SMTPReply) -> Action {
        guard transaction.hasCheckpoint else {
            phase = .mail(transaction)
            return .send(reply)
        }
        phase = .recalling(transaction, reply)
        return .recall(transaction)
    }

    /// It was looked up whether the transaction is one that broke off.
    public mutating func recalled(_ recollection: Recollection) -> Action {
        guard case .recalling(let transaction, let reply) = phase else { return .send(.localError) }
        switch recollection {
        case .new:
            checkpointState = .open
            phase = .mail(transaction)
            return .send(reply)
        case .inUse:
            phase = .ready
            return deferral(.transactionInUse)
        case .interrupted(let earlier): return resume(earlier, nil)
        case .completed(let earlier, let told): return resume(earlier, told)
        }
    }

    private mutating func resume(_ earlier: SMTPTransaction, _ told: SMTPReply?) -> Action {
        var transaction = earlier
        transaction.checkpoint?.offset = earlier.contentSize
        transaction.checkpoint?.completed = told
        checkpointState = .open
        phase = .mail(transaction)
        return .send(CheckpointExtension.resumption(at: earlier.contentSize))
    }

    /// Whether so much content is taken, with some more; what was taken before stays so, whatever the limit is now.
    func isWithinSize(_ transaction: SMTPTransaction, _ more: Int = 0) -> Bool {
        transaction.contentSize + more <= configuration.limits.messageSize.bytes
            || transaction.hasCheckpoint && transaction.checkpoint?.completed != nil
    }

    /// What ends a transaction that was complete before: the reply that was lost, and no second message.
    mutating func repeatedReply(_ transaction: SMTPTransaction) -> Action? {
        guard let checkpoint = transaction.checkpoint, let reply = checkpoint.completed else { return nil }
        guard transaction.contentSize == checkpoint.offset else {
            checkpointState = .complete
            phase = .ready
            return fault(.completedBefore)
        }
        phase = .committing([])
        return committed(reply)
    }

    /// The transaction as it is to be kept now that its connection is lost, with all octets of content that came; `nil` where
    /// there is nothing to resume.
    ///
    /// - Parameter missing: octets of a chunk that did not come.
    public func interrupted(missing: Int = 0) -> SMTPTransaction? {
        guard checkpointState == .open else { return nil }
        let transaction: SMTPTransaction
        switch phase {
        case .content(let open), .chunked(let open): transaction = open
        case .chunk(var open, let size, _):
            open.contentSize += size - missing
            transaction = open
        // It was resumed, and lost again before its content went on.
        case .mail(let open) where open.resumedAt != nil: transaction = open
        default: return nil
        }
        guard isWithinSize(transaction), transaction.checkpoint?.completed == nil else { return nil }
        return transaction
    }
}

extension SMTPTransaction {
    /// The same, kept at this octet of its content.
    public func kept(at offset: Int) -> SMTPTransaction {
        var transaction = self
        transaction.contentSize = offset
        transaction.checkpoint?.offset = nil
        return transaction
    }
}

extension SMTPReply {
    static let transactionInUse = SMTPReply(
        450,
        EnhancedStatus(4, 5, 0),
        "The transaction is still open on another connection, come again later"
    )
    static let resumedWithoutRecipient = SMTPReply(
        452,
        EnhancedStatus(4, 5, 3),
        "The transaction goes on with the recipients it has, send the rest in another"
    )
    static let completedBefore = SMTPReply(
        554,
        EnhancedStatus(5, 5, 1),
        "The message was complete before, and is taken as it was"
    )
}
