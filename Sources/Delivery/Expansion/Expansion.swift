import Directory
import MailNames
import SMTPProtocol

/// What one recipient comes to when the directory is asked, alias after alias.
struct Expansion {
    /// An end of the tree of aliases.
    struct Leaf: Hashable {
        enum Kind: Hashable {
            case account(AccountID)
            case list(ListTarget)
            case elsewhere
            /// A file or command that the alias of this address leads to.
            case outlet(AliasTarget)
            case failed(DeliveryFailure)
        }

        var address: EmailAddress
        var kind: Kind

        /// What tells it from other ends of the same recipient.
        var name: String {
            if case .outlet(let outlet) = kind { "\(address) \(outlet)" } else { address.description }
        }
    }

    enum Result {
        case complete(Expansion)
        /// The directory has to be asked about this address first.
        case needs(EmailAddress)
    }

    var leaves: [Leaf] = []
    /// The aliases met and where they lead, in order.
    var aliases: [(alias: EmailAddress, targets: [EmailAddress])] = []

    /// Follows a recipient through its aliases. An address met again is not followed again; aliases that lead only to each other
    /// are a failure.
    ///
    /// - Parameter answer: what the directory says; `nil` when it has to be asked first.
    static func expand(
        _ recipient: EmailAddress,
        depth: Int,
        targets: Int,
        answer: (EmailAddress) -> RecipientAnswer?
    ) -> Result {
        var expansion = Expansion()
        guard let first = answer(recipient) else { return .needs(recipient) }
        guard first.ends != nil else {
            expansion.leaves = [leaf(recipient, first)]
            return .complete(expansion)
        }
        var seen: Set<EmailAddress> = []
        var waiting: [(address: EmailAddress, depth: Int)] = [(recipient, 0)]
        var next = 0
        while next < waiting.count {
            let (address, level) = waiting[next]
            next += 1
            guard seen.insert(address).inserted else { continue }
            guard let found = answer(address) else { return .needs(address) }
            guard let ends = found.ends else {
                expansion.leaves.append(leaf(address, found))
                continue
            }
            guard level < depth, waiting.count + ends.count <= targets else {
                let reason = "\(recipient) leads through too many aliases"
                expansion.leaves.append(Leaf(address: address, kind: .failed(DeliveryFailure(.tooManyHops, reason))))
                continue
            }
            expansion.aliases.append((address, ends))
            waiting.append(contentsOf: ends.map { ($0, level + 1) })
            for outlet in found.outlets { expansion.leaves.append(Leaf(address: address, kind: .outlet(outlet))) }
        }
        if expansion.leaves.isEmpty {
            let failure = DeliveryFailure(
                .tooManyHops,
                "The aliases that \(recipient) leads to lead only to each other"
            )
            expansion.leaves = [Leaf(address: recipient, kind: .failed(failure))]
        }
        return .complete(expansion)
    }

    private static func leaf(_ address: EmailAddress, _ answer: RecipientAnswer) -> Leaf {
        switch answer {
        case .account(let account): Leaf(address: address, kind: .account(account))
        case .list(let list): Leaf(address: address, kind: .list(list))
        case .notLocal, .relayDomain, .alias, .mixedAlias, .moved(_, .forward):
            Leaf(address: address, kind: .elsewhere)
        case .moved(let new, .tell):
            Leaf(
                address: address,
                kind: .failed(DeliveryFailure(EnhancedStatus(5, 1, 6), "\(address) has moved to \(new)"))
            )
        case .disabled:
            Leaf(
                address: address,
                kind: .failed(DeliveryFailure(EnhancedStatus(5, 2, 1), "The mailbox \(address) takes no mail"))
            )
        case .unknownRecipient:
            Leaf(
                address: address,
                kind: .failed(DeliveryFailure(EnhancedStatus(5, 1, 1), "Nobody here has the address \(address)"))
            )
        }
    }
}

extension RecipientAnswer {
    /// The addresses that it goes on to; `nil` where it ends.
    fileprivate var ends: [EmailAddress]? {
        switch self {
        case .alias(let addresses): addresses
        case .mixedAlias(let targets): targets.compactMap(\.address)
        case .moved(let new, .forward): [new]
        case .account, .list, .moved, .disabled, .relayDomain, .unknownRecipient, .notLocal: nil
        }
    }

    /// The files and commands that it leads to.
    fileprivate var outlets: [AliasTarget] {
        guard case .mixedAlias(let targets) = self else { return [] }
        return targets.filter { $0.address == nil }
    }
}

extension EnhancedStatus {
    /// A loop was found: RFC 3463 section 3.5.
    static let tooManyHops = EnhancedStatus(5, 4, 6)
    /// Its time is over: RFC 3463 section 3.5.
    static let expired = EnhancedStatus(5, 4, 7)
    /// It takes longer than it should: RFC 3463 section 3.5.
    static let timeNotKept = EnhancedStatus(4, 4, 7)
    /// The directory cannot be asked now: RFC 3463 section 3.5.
    static let directoryUnavailable = EnhancedStatus(4, 4, 3)
    /// Something of this system is out of order: RFC 3463 section 3.4.
    static let systemTrouble = EnhancedStatus(4, 3, 0)
    /// No connection: RFC 3463 section 3.5.
    static let noAnswer = EnhancedStatus(4, 4, 1)
    /// Somebody decided so: RFC 3463 section 3.8.
    static let administrative = EnhancedStatus(5, 7, 0)
}
