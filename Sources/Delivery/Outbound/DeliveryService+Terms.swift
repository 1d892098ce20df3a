import DeliveryScheduler
import Directory
import MailBytes
import MailNames
import SMTPProtocol

/// What the sender asked for beyond the plain envelope, on its way to other hosts and into mailboxes here.
extension DeliveryService {
    /// The terms that go with a transaction for these addresses.
    func terms(for keys: [UInt32], of message: ActiveMessage) -> DeliveryTerms {
        guard !message.envelope.hasPlainTerms else { return .plain }
        var terms = message.envelope.terms
        // We have held it ourselves: RFC 4865 section 4.2.
        terms.holdUntil = nil
        // Of a recipient that became several, nobody may be asked: RFC 3885 section 3.3.
        if terms.tracking != nil, keys.contains(where: { becameSeveral($0, of: message) }) { terms.tracking = nil }
        return terms
    }

    private func becameSeveral(_ key: UInt32, of message: ActiveMessage) -> Bool {
        guard let target = message.target(key), target.isExpanded else { return false }
        return message.leads(of: target) > 1
    }

    /// Why a message is not for the owner that an address has now: RFC 7293 section 5.1. Asked at the door too, but the owner may
    /// have changed while the message waited.
    func ownership(of target: ActiveMessage.Target, in message: ActiveMessage) async -> DeliveryFailure? {
        let recipient = message.envelope.recipients[target.recipient]
        guard let ownership = recipient.requiredOwnership, !OwnedAddress.isRole(recipient.address) else { return nil }
        do {
            guard let since = try await directory.ownedSince(recipient.address) else {
                return DeliveryFailure(
                    EnhancedStatus(5, 7, 19),
                    "It cannot be told since when \(recipient.address) has its owner"
                )
            }
            guard since <= ownership.since else {
                return DeliveryFailure(
                    EnhancedStatus(5, 7, 17),
                    "\(recipient.address) has another owner since the time that the sender named"
                )
            }
            return nil
        } catch {
            return DeliveryFailure(
                EnhancedStatus(4, 3, 0),
                "The owner of \(recipient.address) cannot be told: \(error)"
            )
        }
    }

    // MARK: REQUIRETLS, RFC 8689

    /// Whether the message goes encrypted and verified or not at all. Reports do not: they would be lost (section 5).
    func needsVerifiedConnection(_ message: ActiveMessage) -> Bool {
        !message.envelope.hasPlainTerms && message.envelope.terms.requiresTLS && message.envelope.reversePath != .null
    }

    /// Sends such a message, over a connection of its own: those that are kept may be to anybody.
    func sendVerified(_ attempt: Attempt, _ destination: Destination) async {
        var strict = options
        strict.requiresTLS = true
        var keys = attempt.keys
        var settled: [(UInt32, DeliveryOutcome)] = []
        var dialogue: String?
        while !keys.isEmpty {
            switch await hosts.connect(to: destination, options: strict, onAttempt: tracing(attempt)) {
            case .failure(let problem):
                // That says nothing about other messages for these hosts.
                settled += keys.map { ($0, .failed(problem.failure)) }
                dialogue = problem.dialogue
                keys = []
            case .success(let connection):
                let result = await send(attempt, keys, over: connection, isFresh: true)
                connection.close()
                traceTransaction(attempt, connection, result.dialogue, result.outcomes)
                if !result.untried.isEmpty { giveBack(result.untried, of: attempt) }
                settled += result.outcomes
                dialogue = result.dialogue
                keys = result.left
            }
        }
        settle(attempt, settled, dialogue: dialogue)
    }
}

extension Envelope {
    /// What a report on the message asks for: the same protection (RFC 8689 section 5) and the same priority (RFC 6710 section
    /// 4.6).
    var reportTerms: DeliveryTerms? {
        hasPlainTerms ? nil : DeliveryTerms(priority: terms.priority, requiresTLS: terms.requiresTLS)
    }
}

extension DeliveryOutcome {
    var isRelayed: Bool {
        switch self {
        case .relayed, .relayedWithNotice: true
        case .delivered, .passedOn, .held, .failed: false
        }
    }
}
