/// BURL: RFC 4468 section 3.2. It stands in the place of DATA, or between BDATs.
extension SMTPServerSession {
    mutating func url(_ url: String, _ isLast: Bool) -> Action {
        guard let account else { return fault(.authenticationRequired) }
        switch phase {
        case .mail(var transaction), .chunked(var transaction):
            // RFC 4468 section 3.2: without a recipient nothing is resolved.
            guard !transaction.recipients.isEmpty else { return .send(.noValidRecipients) }
            // A transaction with a part that is refused has failed whole.
            guard BURLExtension.allows(url, account) else {
                phase = .ready
                return fault(.urlDenied)
            }
            transaction.isChunked = true
            phase = .resolving(transaction, isLast: isLast)
            return .resolve(url: url, account: account)
        default: return fault(clientName == nil ? .helloFirst : .mailFirst)
        }
    }

    /// The content of a URL is here, or why it is not; a failure ends the transaction.
    ///
    /// - Parameter octets: how many it has; `nil` when it could not be had, for the reason in `refusal`.
    public mutating func urlResolved(octets: Int?, refusal: SMTPReply = .urlUnresolved) -> Action {
        guard case .resolving(var transaction, let isLast) = phase else { return .send(.localError) }
        guard let octets else {
            phase = .ready
            return fault(refusal)
        }
        guard transaction.contentSize + octets <= configuration.limits.messageSize.bytes else {
            phase = .ready
            return .send(.tooLarge)
        }
        transaction.contentSize += octets
        guard isLast else {
            phase = .chunked(transaction)
            return .send(.urlTaken)
        }
        return commit(transaction)
    }
}
