import MailBytes
import MailNames
import SMTPProtocol

/// A host that mail is relayed to: it may be away, rude, slow of wit, or of another mind each time.
final class NextHop {
    private let world: World
    private var random: SplitMix64
    private let knowsExtensions: Bool
    private let hidden: Set<String>
    private let configuration: SMTPServerConfiguration
    /// Whether it refuses a recipient for good now and then. The hosts that senders live on do not.
    private let isFickle: Bool

    init(world: World, seed: UInt64, isFickle: Bool) {
        self.world = world
        self.isFickle = isFickle
        var random = SplitMix64(seed: seed)
        knowsExtensions = random.next(upperBound: UInt(5)) != 0
        hidden = Set(
            ["PIPELINING", "SIZE", "LIMITS", "DSN", "STARTTLS"].filter { _ in random.next(upperBound: UInt(4)) == 0 }
        )
        var configuration = world.configuration("hop.example")
        configuration.limits.recipientsPerTransaction = 1 + Int(random.next(upperBound: UInt(4)))
        configuration.limits.transactionsPerConnection = Int(random.next(upperBound: UInt(3)))
        self.configuration = configuration
        self.random = random
    }

    private func chance(_ one: UInt) -> Bool { random.next(upperBound: one) == 0 }

    /// A connection to it; `nil` when it cannot be reached.
    func connect() -> SimulatedConnection? {
        if world.hasFaults && chance(5) { return nil }
        let (ours, theirs) = world.network.connect()
        let isBad = world.hasFaults
        _ = ServerSide(
            configuration,
            on: theirs,
            ServerSide.Behaviour(
                judgeRecipient: { [self] _ in
                    guard isBad else { return .accepted }
                    if isFickle && chance(12) {
                        return .refused(SMTPReply(550, EnhancedStatus(5, 1, 1), "no such user"))
                    }
                    if chance(8) { return .refused(SMTPReply(451, EnhancedStatus(4, 2, 1), "later")) }
                    if chance(40) { return .refused(SMTPReply(421, EnhancedStatus(4, 3, 2), "going down")) }
                    return .accepted
                },
                commit: { [self] transaction, content, answer in
                    if isBad && chance(10) { return answer(SMTPReply(452, EnhancedStatus(4, 3, 1), "full")) }
                    if isBad && isFickle && chance(20) {
                        return answer(SMTPReply(554, EnhancedStatus(5, 6, 0), "not that"))
                    }
                    for recipient in transaction.recipients {
                        world.oracle.arrived(content, at: recipient.address.description)
                    }
                    world.time.after(Int64(random.next(upperBound: UInt(2_000_000)))) { answer(.ok) }
                },
                knowsExtensions: knowsExtensions,
                hidden: hidden
            )
        )
        return ours
    }
}
