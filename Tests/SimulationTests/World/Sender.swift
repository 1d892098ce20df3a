import MailBytes
import MailNames
import SMTPProtocol

/// Sends a message to the relay, and goes on until each recipient is taken care of or refused.
final class Sender {
    private let world: World
    private var random: SplitMix64
    private let sender: EmailAddress
    private var waiting: [EmailAddress]
    private let content: [UInt8]
    private var tries = 0

    init(world: World, seed: UInt64, from sender: EmailAddress, to recipients: [EmailAddress], content: [UInt8]) {
        self.world = world
        random = SplitMix64(seed: seed)
        self.sender = sender
        waiting = recipients
        self.content = content
        world.oracle.wrote(content, from: sender.description, to: recipients.map(\.description))
    }

    func send() {
        guard !waiting.isEmpty, tries < 60 else { return world.senders -= 1 }
        tries += 1
        let (ours, theirs) = world.network.connect()
        var message: ClientSide.Message? = ClientSide.Message(
            delivery: SMTPDelivery(
                reversePath: .address(sender),
                recipients: waiting.map { EnvelopeRecipient(address: $0) },
                bodyType: random.next(upperBound: UInt(4)) == 0 ? .binaryMIME : .eightBitMIME,
                size: content.count
            ),
            content: content
        )
        var client: ClientSide?
        client = ClientSide(
            SMTPClientSession.Configuration(hostName: "client.example", tls: .off),
            on: ours,
            world.time,
            ClientSide.Owner(
                next: {
                    defer { message = nil }
                    if message == nil { client?.quit() }
                    return message
                },
                finished: { self.finished($0) },
                ended: { _ in
                    client = nil
                    self.again()
                }
            )
        )
        world.relay.accept(theirs)
    }

    private func finished(_ result: SMTPTransactionResult) {
        var left: [EmailAddress] = []
        for (address, outcome) in zip(waiting, result.outcomes) {
            switch outcome {
            case .accepted: world.oracle.acknowledged(content, for: address.description)
            case .failed(let reply):
                if !world.refuses(address) { world.oracle.complain("\(address) was refused: \(reply)") }
            case .deferred, .notTried: left.append(address)
            }
        }
        waiting = left
    }

    private func again() {
        world.time.after(Int64(random.next(upperBound: UInt(3_600_000_000)))) { self.send() }
    }
}
