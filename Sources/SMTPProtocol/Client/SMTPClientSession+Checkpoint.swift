import MailBytes

/// CHECKPOINT, the client's side: RFC 1845 section 3.
///
/// What MAIL is answered decides whether recipients follow, so they wait for it. A server that resumes has the recipients that it
/// took before; that these are all of them is certain only if a transaction that it took in part is never called by the name:
/// so that one is begun anew without it, before its content.
extension SMTPClientSession {
    /// Decides whether the server is told what the transaction is called.
    func nameTransaction(_ transaction: inout Transaction) {
        guard extensions.checkpoint, transaction.delivery.transactionID != nil, !transaction.delivery.isProbe,
            !configuration.speaksLMTP, !transaction.outcomes.contains(where: { $0 != nil })
        else { return }
        transaction.usesCheckpoint = true
        transaction.isStepwise = true
    }

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

    /// Some recipients were not taken: the others go in a transaction without a name.
    mutating func beginWithoutCheckpoint() -> Action {
        transaction?.usesCheckpoint = false
        for index in transaction?.outcomes.indices ?? 0..<0 {
            if case .accepted = transaction?.outcomes[index] { transaction?.outcomes[index] = nil }
        }
        awaited = [.reset]
        return line("RSET")
    }

    /// The server has a part of the content already, and the recipients.
    mutating func resumptionOffered(_ reply: SMTPReply) -> Action {
        guard let transaction, let offset = CheckpointExtension.offset(reply) else {
            return giveUp(Self.unexpected(reply))
        }
        self.transaction?.outcomes = transaction.outcomes.map { _ in .accepted(reply) }
        self.transaction?.offset = offset
        return .locate(offset: offset, isText: !transaction.usesChunks)
    }

    /// It was looked for in the content where the server wants to go on.
    ///
    /// - Parameter isThere: whether the content has that octet, and a line begins there.
    public mutating func located(_ isThere: Bool) -> Action {
        guard let transaction else { return .ready }
        guard isThere else {
            let text = "the server wants to go on at octet \(transaction.offset), where no line of the message begins"
            // RSET or QUIT has it forget the transaction, and the next attempt begins anew.
            return giveUp(SMTPReply(451, EnhancedStatus(4, 5, 0), text))
        }
        if transaction.usesChunks {
            awaited = contentReplies
            return .sendChunk(Array("BDAT \(transaction.delivery.size - transaction.offset) LAST\r\n".utf8))
        }
        awaited = [.data]
        return line("DATA")
    }

    private mutating func giveUp(_ reply: SMTPReply) -> Action {
        let outcomes = transaction?.outcomes.map { _ in SMTPRecipientOutcome.deferred(reply) }
        transaction?.outcomes = outcomes ?? []
        return abort()
    }
}
