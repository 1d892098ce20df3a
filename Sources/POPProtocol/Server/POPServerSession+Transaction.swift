// The TRANSACTION and UPDATE states: RFC 1939 sections 5 to 7.
extension POPServerSession {
    /// A command in the TRANSACTION state.
    mutating func transaction(_ command: POPCommand, _ maildrop: consuming POPMaildrop) -> Action {
        switch command {
        case .statistics:
            let reply = POPReply.statistics(count: maildrop.count, octets: maildrop.octets)
            return self.answer(reply, maildrop)
        case .list(let number): return self.list(.sizes, number, maildrop)
        case .uniqueIDs(let number): return self.list(.uniqueIDs, number, maildrop)
        case .retrieve(let number): return self.open(number, lines: nil, maildrop)
        case .top(let number, let lines): return self.open(number, lines: lines, maildrop)
        case .delete(let number):
            switch maildrop.look(up: number) {
            case .none: return self.answer(.noSuchMessage, maildrop)
            case .deleted: return self.answer(.alreadyDeleted, maildrop)
            case .message:
                maildrop.delete(number)
                return self.answer(.deleted, maildrop)
            }
        case .noop: return self.answer(.alive, maildrop)
        case .reset:
            maildrop.reset()
            let reply = POPReply.loggedIn(count: maildrop.count, octets: maildrop.octets)
            return self.answer(reply, maildrop)
        case .capabilities:
            let lines = self.configuration.capabilities(
                isEncrypted: self.isEncrypted,
                isAuthorization: false,
                mechanisms: self.mechanisms
            )
            return self.answer(.capabilities(lines), maildrop)
        case .quit:
            let deletions = maildrop.deletions
            guard !deletions.isEmpty else {
                self.phase = .closed
                return .sendAndClose(.goodbye, .zero)
            }
            self.phase = .updating
            return .remove(positions: deletions)
        case .user, .pass, .apop, .auth, .listMechanisms, .startTLS, .utf8:
            self.phase = .transaction(maildrop)
            return self.bad(.wrongState)
        }
    }

    /// What is to be written next of a listing, at most `limits.listingChunk` octets and a line; `nil` when it is
    /// done, and the next line may be fed. Each chunk is made when the one before has left.
    public mutating func nextListingChunk() -> [UInt8]? {
        switch exchange(&self.phase, with: .closed) {
        case .listing(let maildrop, var listing):
            guard let chunk = listing.next(of: maildrop, atLeast: self.configuration.limits.listingChunk) else {
                self.phase = .transaction(maildrop)
                return nil
            }
            self.phase = .listing(maildrop, listing)
            return chunk
        case let other:
            self.phase = other
            return nil
        }
    }

    /// The answer to `openMessage`: whether there is something to send.
    public mutating func messageOpened(_ isOpen: Bool) -> Action {
        switch exchange(&self.phase, with: .closed) {
        case .opening(let maildrop, let lines):
            guard isOpen else { return self.answer(.messageUnavailable, maildrop) }
            self.phase = .sending(maildrop)
            return .sendMessage(.messageFollows, POPContentEncoder(top: lines))
        case let other:
            self.phase = other
            return .proceed
        }
    }

    /// The message and its termination have been handed to the connection.
    public mutating func messageSent() -> Action {
        switch exchange(&self.phase, with: .closed) {
        case .sending(let maildrop): self.phase = .transaction(maildrop)
        case let other: self.phase = other
        }
        return .proceed
    }

    /// The message could not be read to its end. A part of it has been sent, and nothing in POP3 could say so but the
    /// end of the connection.
    public mutating func messageBroken() -> Action {
        self.phase = .closed
        return .close
    }

    /// The answer to `remove`: whether all of them are gone. RFC 1939 section 6.
    public mutating func messagesRemoved(_ isComplete: Bool) -> Action {
        guard case .updating = self.phase else { return .proceed }
        self.phase = .closed
        return .sendAndClose(isComplete ? .goodbye : .notAllDeleted, .zero)
    }

    private mutating func answer(_ reply: POPReply, _ maildrop: consuming POPMaildrop) -> Action {
        self.phase = .transaction(maildrop)
        return .send(reply)
    }

    private mutating func list(
        _ kind: POPListing.Kind,
        _ number: POPMessageNumber?,
        _ maildrop: consuming POPMaildrop
    ) -> Action {
        guard let number else {
            self.phase = .listing(maildrop, POPListing(kind))
            return .sendListing(.listing)
        }
        switch maildrop.look(up: number) {
        case .message(let message): return self.answer(.one(kind.line(number, message)), maildrop)
        case .deleted, .none: return self.answer(.noSuchMessage, maildrop)
        }
    }

    private mutating func open(
        _ number: POPMessageNumber,
        lines: Int?,
        _ maildrop: consuming POPMaildrop
    ) -> Action {
        switch maildrop.look(up: number) {
        case .message(let message):
            self.phase = .opening(maildrop, lines: lines)
            // Refusing it with [UTF8] would leave people without their mail: RFC 6856 section 2.1 allows both.
            return .openMessage(position: number.position, asSurrogate: message.needsUTF8 && !self.isUTF8)
        case .deleted, .none:
            return self.answer(.noSuchMessage, maildrop)
        }
    }
}
