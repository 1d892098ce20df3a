import DeliveryScheduler
import MailBytes
import MailNames
import SMTPProtocol
import Spool

/// Senders, a relay and next hops, on one clock. The seed decides everything.
final class World {
    /// For so long things go wrong; from then on everything is well.
    private static let faultyTime: Int64 = 2 * 86400 * 1_000_000
    /// More steps than any world needs to come to rest.
    private static let steps = 3_000_000

    let time = SimulatedTime()
    let network: SimulatedNetwork
    let oracle = Oracle()
    let mailboxes: Mailboxes
    private(set) lazy var relay = Relay(world: self, seed: relaySeed)
    private let relaySeed: UInt64
    private var random: SplitMix64
    private var hops: [Destination: NextHop] = [:]
    /// Senders whose message is not yet taken care of.
    var senders = 0
    /// The time in which all messages are sent, in microseconds.
    private let span: Int64
    private let postmaster: EmailAddress
    private let domains: [Domain]
    private let localDomain: Domain
    private let refusedDomain: Domain
    private let sendersDomain: Domain

    init(seed: UInt64) throws {
        random = SplitMix64(seed: seed)
        relaySeed = random.next()
        span = [5_000_000, 600_000_000, 86_400_000_000][Int(random.next(upperBound: UInt(3)))]
        network = SimulatedNetwork(time: time, seed: random.next())
        mailboxes = Mailboxes(oracle)
        postmaster = try EmailAddress(parsing: "postmaster@relay.example")
        domains = try ["a.example", "b.example", "c.example"].map { try Domain(parsing: $0) }
        localDomain = try Domain(parsing: "local.example")
        refusedDomain = try Domain(parsing: "refused.example")
        sendersDomain = try Domain(parsing: "senders.example")
        for domain in domains + [sendersDomain] {
            let hop = NextHop(world: self, seed: random.next(), isFickle: domain != sendersDomain)
            hops[.domain(domain)] = hop
        }
    }

    /// Whether things may go wrong still.
    var hasFaults: Bool { time.microseconds < Self.faultyTime }

    /// Whether anything is left to do.
    var isBusy: Bool { hasFaults || senders > 0 || !relay.queued.isEmpty || relay.log == nil }

    private func chance(_ one: UInt) -> Bool { random.next(upperBound: one) == 0 }

    // MARK: What everybody knows

    func configuration(_ name: String) -> SMTPServerConfiguration {
        SMTPServerConfiguration(hostName: name, role: .transfer, offersTLS: true, postmaster: postmaster)
    }

    func refuses(_ address: EmailAddress) -> Bool { address.domain == refusedDomain }

    func destination(of address: EmailAddress) -> Destination {
        guard let domain = address.domain, domain != localDomain else { return .local }
        return .domain(domain)
    }

    func hop(for destination: Destination) -> NextHop? { hops[destination] }

    // MARK: What goes wrong

    func setFaults(of disk: SimulatedDisk) {
        var faults = SimulatedDisk.Faults()
        defer { disk.faults = faults }
        // Far away: never.
        disk.cutPower(afterSteps: .max >> 2)
        guard hasFaults else { return }
        if chance(3) { faults.writeFails = 30 }
        if chance(3) { faults.syncFails = 20 }
        if chance(6) { faults.folderSyncFails = 5 }
        if chance(6) { faults.capacity = 60_000 + Int(random.next(upperBound: UInt(300_000))) }
        if chance(2) { disk.cutPower(afterSteps: Int(random.next(upperBound: UInt(chance(2) ? 20 : 200)))) }
    }

    private func planFaults() {
        network.resets = [0, 400, 60][Int(random.next(upperBound: UInt(3)))]
        for _ in 0..<Int(random.next(upperBound: UInt(6))) {
            time.after(Int64(random.next(upperBound: UInt(chance(2) ? span : Self.faultyTime)))) { [self] in
                if relay.log != nil { relay.crash() }
            }
        }
        time.after(Self.faultyTime) { [self] in
            network.resets = 0
            setFaults(of: relay.disk)
        }
    }

    // MARK: The whole story

    /// Lets everything happen, to the end.
    ///
    /// - Returns: what was wrong with it.
    func run() throws -> [String] {
        setFaults(of: relay.disk)
        planFaults()
        relay.start()
        let count = 1 + Int(random.next(upperBound: UInt(chance(4) ? 30 : 8)))
        for number in 0..<count { try planMessage(number) }
        var steps = 0
        while oracle.problems.isEmpty, time.step() {
            steps += 1
            if steps > Self.steps { return ["it does not come to rest"] }
        }
        guard oracle.problems.isEmpty else { return oracle.problems }
        if let left = relay.log?.reader.ids(), !left.isEmpty { oracle.complain("left in the queue: \(left)") }
        if relay.log == nil { oracle.complain("it did not start again") }
        if relay.scheduler.messageCount > 0 { oracle.complain("left in the scheduler") }
        if senders > 0 { oracle.complain("somebody still sends") }
        oracle.judge(mailboxes)
        return oracle.problems
    }

    private func planMessage(_ number: Int) throws {
        let sender = try EmailAddress(parsing: "s\(number)@senders.example")
        var recipients: [EmailAddress] = []
        for place in 0..<(1 + Int(random.next(upperBound: UInt(4)))) {
            let domain =
                (domains + [localDomain, localDomain, refusedDomain]).randomElement(using: &random) ?? localDomain
            recipients.append(try EmailAddress(parsing: "r\(place)@\(domain.ascii)"))
        }
        let content = makeContent(number)
        let seed = random.next()
        senders += 1
        time.after(Int64(random.next(upperBound: UInt(span)))) { [self] in
            Sender(world: self, seed: seed, from: sender, to: recipients, content: content).send()
        }
    }

    /// Lines that are hard on SMTP: dots, nothing, much, and what looks like an end.
    private func makeContent(_ number: Int) -> [UInt8] {
        var text = "Subject: message \(number)\r\n\r\n"
        for _ in 0..<Int(random.next(upperBound: UInt(chance(5) ? 60 : 6))) {
            switch random.next(upperBound: UInt(6)) {
            case 0: text += ".\r\n"
            case 1: text += "..\r\n"
            case 2: text += "\r\n"
            case 3: text += ".QUIT\r\nRSET\r\n"
            case 4: text += String(repeating: "grüße ", count: Int(random.next(upperBound: UInt(40)))) + "\r\n"
            default: text += String(repeating: "x", count: Int(random.next(upperBound: UInt(300)))) + "\r\n"
            }
        }
        return Array(text.utf8)
    }
}
