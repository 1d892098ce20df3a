import MailBytes

/// CHECKPOINT, the client's side: RFC 1845 section 3.
///
/// What MAIL is answered decides whether recipients follow, so they wait for it. A server that resumes has the recipients that it
/// took before; that these are all of them is certain only if a transaction that it took in part is never called by the name:
/// so that one is begun anew without it, before its content. So is one that the server wants to go on where it cannot.
extension SMTPClientSession {
    /// Decides whether the server is told what the transaction is called.
    func nameTransaction(_ transaction: inout Transaction) {
        guard extensions.checkpoint, transaction.delivery.transactionID != nil, !transaction.delivery.isProbe,
            !configuration.speaksLMTP, hasPlaceForAnother, !transaction.outcomes.contains(where: { $0 != nil })
        else { return }
        transaction.usesCheckpoint = true
        transaction.isStepwise = true
    }

    /// Whether the server takes one more MAIL, should the transaction have to be begun anew: RFC 9422 section 4.1.
    private var hasPlaceForAnother: Bool { transactions < extensions.transactionsPerConnection ?? .max }

    /// MAIL is answered: the recipients follow in one write. Only with pipelining.
    mutating func nameRecipients() -> Action {
        guard let transaction else { return .ready }
        var bytes: [UInt8] = []
        for index in transaction.outcomes.indices where transaction.outcomes[index] == nil {
            bytes += recipientCommand(transaction.delivery.recipients[index], transaction.delivery)
            awaited.append(.recipient(index))
        }
        return .send(bytes, isSecret: false)
    }

    /// Some recipients were not taken, or the server's offset does not fit: it is another transaction, without a name.
    mutating func beginWithoutCheckpoint() -> Action {
        transactions += 1
        transaction?.usesCheckpoint = false
        for index in transaction?.outcomes.indices ?? 0..<0 {
            if case .accepted = transaction?.outcomes[index] { transaction?.outcomes[index] = nil }
        }
        awaited = [.reset]
        return line("RSET")
    }

    /// The server has a part of the content already, and the recipients.
    mutating func resumptionOffered(_ reply: SMTPReply) -> Action {
        guard let transaction, let offset = CheckpointExtension.offset(reply) else { return beginWithoutCheckpoint() }
        self.transaction?.outcomes = transaction.outcomes.map { _ in .accepted(reply) }
        self.transaction?.offset = offset
        return .locate(offset: offset, isText: !transaction.usesChunks)
    }

    /// It was looked for in the content where the server wants to go on.
    ///
    /// - Parameter isThere: whether the content has that octet, and a line begins there.
    public mutating func located(_ isThere: Bool) -> Action {
        if !isThere { return beginWithoutCheckpoint() }
        guard let transaction else { return .ready }
        if transaction.usesChunks {
            awaited = contentReplies
            return .sendChunk(Array("BDAT \(transaction.delivery.size - transaction.offset) LAST\r\n".utf8))
        }
        awaited = [.data]
        return line("DATA")
    }
}
