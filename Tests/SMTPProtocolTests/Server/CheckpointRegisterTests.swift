import MailBytes
import MailNames
import Testing

@testable import SMTPProtocol

@Suite("What is kept of interrupted transactions, RFC 1845 section 3") struct CheckpointRegisterTests {
    private typealias Register = CheckpointRegister<String>

    private static func key(
        _ id: String = "1",
        name: String = "c.example",
        from address: String = "192.0.2.1",
        account: String? = nil,
        certificate: [UInt8]? = nil,
        tls: String? = nil,
        role: SMTPServerConfiguration.Role = .transfer
    ) throws -> SMTPCheckpointKey {
        SMTPCheckpointKey(
            try #require(TransactionIdentifier(local: id, domain: "c.example")),
            clientName: name,
            peer: try #require(IPAddress(address)),
            account: account,
            certificateFingerprint: certificate,
            tls: tls,
            role: role
        )
    }

    private static func transaction(_ parameters: String = "", id: String = "1") throws -> SMTPTransaction {
        let line = "MAIL FROM:<a@c.example> TRANSID=<\(id)@c.example>\(parameters)"
        let offered: SMTPExtensions = [.checkpoint, .deliverBy, .tracking, .priority, .noSoliciting]
        return SMTPTransaction(try MailParameters(Array(line.utf8).span, at: 10, offered: offered))
    }

    private static func begin(
        _ register: inout Register,
        _ key: SMTPCheckpointKey,
        _ transaction: SMTPTransaction,
        now: Int64 = 0
    ) -> (ticket: SMTPCheckpointTicket?, answer: String) {
        switch register.begin(SMTPCheckpointTicket(key), transaction, now: Timestamp(seconds: now)) {
        case .new(let ticket): (ticket, "new")
        case .inUse: (nil, "in use")
        case .interrupted(let ticket, _, let content): (ticket, "goes on behind \(content)")
        case .completed(let ticket, _, let reply): (ticket, "was answered \(reply.code)")
        }
    }

    /// Begins a transaction and loses its connection; how many gave way.
    @discardableResult
    private static func keep(
        _ register: inout Register,
        _ id: String,
        from address: String = "192.0.2.1",
        inMemory: Int = 0,
        onDisk: Int = 0,
        now: Int64 = 0
    ) throws -> Int {
        let transaction = try transaction(id: id)
        let begun = begin(&register, try key(id, from: address), transaction, now: now)
        let received = Register.Received(id, inMemory: inMemory, onDisk: onDisk)
        return register.interrupted(try #require(begun.ticket), transaction, received, now: Timestamp(seconds: now))
            .count
    }

    /// Begins a transaction and takes its message.
    private static func complete(
        _ register: inout Register,
        _ id: String,
        from address: String = "192.0.2.1",
        now: Int64 = 0
    ) throws {
        let transaction = try transaction(id: id)
        let ticket = try #require(begin(&register, try key(id, from: address), transaction, now: now).ticket)
        _ = register.completed(ticket, transaction, .ok, now: Timestamp(seconds: now))
    }

    private static func answer(
        _ register: inout Register,
        _ id: String,
        from address: String = "192.0.2.1",
        now: Int64 = 0
    ) throws -> String {
        begin(&register, try key(id, from: address), try transaction(id: id), now: now).answer
    }

    @Test func `what broke off goes on once, and is in use then`() throws {
        var register = Register()
        try Self.keep(&register, "1")
        #expect(register.kept.transactions == 1)
        #expect(try Self.answer(&register, "1") == "goes on behind 1")
        #expect(register.kept == SMTPCheckpointSize())
        #expect(try Self.answer(&register, "1") == "in use")
    }

    @Test func `what is complete is so until its client knows`() throws {
        var register = Register()
        let transaction = try Self.transaction()
        let first = try #require(Self.begin(&register, try Self.key(), transaction).ticket)
        _ = register.completed(first, transaction, .ok, now: Timestamp(seconds: 0))
        let second = Self.begin(&register, try Self.key(), transaction)
        #expect(second.answer == "was answered 250")
        // The connection of before has no say in it any more.
        register.ended(first)
        #expect(register.kept.transactions == 1)
        register.ended(try #require(second.ticket))
        #expect(register.kept == SMTPCheckpointSize())
        #expect(try Self.answer(&register, "1") == "new")
    }

    @Test func `a connection that was given up keeps nothing`() throws {
        var register = Register()
        let transaction = try Self.transaction()
        let first = try #require(Self.begin(&register, try Self.key(), transaction).ticket)
        register.ended(first)
        #expect(try Self.answer(&register, "1") == "new")
        _ = register.interrupted(first, transaction, .init("late", inMemory: 1, onDisk: 0), now: Timestamp(seconds: 0))
        _ = register.completed(first, transaction, .ok, now: Timestamp(seconds: 0))
        #expect(register.kept == SMTPCheckpointSize())
    }

    @Test func `another client has transactions of its own, whatever it calls them`() throws {
        let others = [
            try Self.key(name: "d.example"), try Self.key(from: "192.0.2.2"), try Self.key(tls: "TLSv1.3"),
            try Self.key(role: .submission), try Self.key("2"), try Self.key(account: "a"),
            try Self.key(certificate: [1]),
        ]
        for other in others {
            var register = Register()
            try Self.keep(&register, "1")
            #expect(Self.begin(&register, other, try Self.transaction()).answer == "new")
            #expect(try Self.answer(&register, "1") == "goes on behind 1")
        }
        // Names of hosts are the same in either case: RFC 5321 section 2.4.
        #expect(try Self.key(name: "C.Example") == Self.key())
    }

    @Test(arguments: [
        " SIZE=5", " BODY=8BITMIME", " SMTPUTF8", " RET=HDRS", " ENVID=x", " BY=10;R", " MT-PRIORITY=2",
        " SOLICIT=net.example:ADV",
    ])
    func `another MAIL begins another transaction`(parameters: String) throws {
        var register = Register()
        try Self.keep(&register, "1")
        #expect(Self.begin(&register, try Self.key(), try Self.transaction(parameters)).answer == "new")
        #expect(register.kept == SMTPCheckpointSize())
    }

    @Test func `another sender begins another transaction`() throws {
        var register = Register()
        try Self.keep(&register, "1")
        var transaction = try Self.transaction()
        transaction.reversePath = .null
        #expect(Self.begin(&register, try Self.key(), transaction).answer == "new")
    }

    @Test func `times that run down do not make it another`() throws {
        var register = Register()
        let first = try Self.transaction(" BY=100;N ENVID=x MTRK=abcd:100")
        let ticket = try #require(Self.begin(&register, try Self.key(), first).ticket)
        _ = register.interrupted(ticket, first, .init("x", inMemory: 0, onDisk: 0), now: Timestamp(seconds: 0))
        let second = try Self.transaction(" BY=90;N ENVID=x MTRK=abcd:90")
        #expect(Self.begin(&register, try Self.key(), second).answer == "goes on behind x")
    }

    // MARK: Bounds

    @Test func `what is too old begins anew`() throws {
        var limits = SMTPCheckpointLimits()
        limits.age = .seconds(100)
        for (now, answer) in [(Int64(99), "goes on behind 1"), (100, "new")] {
            var register = Register(limits: limits)
            try Self.keep(&register, "1", inMemory: 5, onDisk: 7)
            #expect(try Self.answer(&register, "1", now: now) == answer)
            #expect(register.kept == SMTPCheckpointSize())
        }
    }

    @Test func `what is too old is known without anybody asking`() throws {
        var limits = SMTPCheckpointLimits()
        limits.age = .seconds(100)
        var register = Register(limits: limits)
        let never = register.nextExpiry
        #expect(never == nil)
        try Self.keep(&register, "1", now: 7)
        let next = register.nextExpiry
        #expect(next == Timestamp(seconds: 107))
        register.expire(Timestamp(seconds: 107))
        #expect(register.kept == SMTPCheckpointSize())
    }

    @Test func `the oldest of too many give way`() throws {
        var limits = SMTPCheckpointLimits()
        limits.all.transactions = 2
        var register = Register(limits: limits)
        #expect(try Self.keep(&register, "1", now: 1) == 0)
        #expect(try Self.keep(&register, "2", now: 2) == 0)
        #expect(try Self.keep(&register, "3", now: 3) == 1)
        #expect(register.kept.transactions == 2)
        #expect(try Self.answer(&register, "1", now: 3) == "new")
        #expect(try Self.answer(&register, "2", now: 3) == "goes on behind 2")
        #expect(try Self.answer(&register, "3", now: 3) == "goes on behind 3")
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2:3:4:5", "2001:db8:0:1::1"),
    ])
    func `of one client the oldest of too many give way, and nobody else's`(
        address: String,
        same: String,
        other: String
    ) throws {
        var limits = SMTPCheckpointLimits()
        limits.perClient.transactions = 2
        var register = Register(limits: limits)
        try Self.keep(&register, "other", from: other)
        try Self.keep(&register, "1", from: address, now: 1)
        try Self.keep(&register, "2", from: same, now: 2)
        try Self.keep(&register, "3", from: same, now: 3)
        #expect(register.kept.transactions == 3)
        #expect(try Self.answer(&register, "other", from: other, now: 3) == "goes on behind other")
        #expect(try Self.answer(&register, "1", from: address, now: 3) == "new")
        #expect(try Self.answer(&register, "2", from: same, now: 3) == "goes on behind 2")
    }

    @Test func `of one client so many octets are kept, and those of others stay`() throws {
        var limits = SMTPCheckpointLimits()
        limits.perClient.disk = 100
        var register = Register(limits: limits)
        try Self.keep(&register, "other", from: "192.0.2.2", onDisk: 100)
        try Self.keep(&register, "1", onDisk: 60, now: 1)
        try Self.keep(&register, "2", onDisk: 60, now: 2)
        #expect(register.kept.disk == 160)
        #expect(try Self.answer(&register, "1", now: 2) == "new")
        #expect(try Self.answer(&register, "2", now: 2) == "goes on behind 2")
        #expect(try Self.answer(&register, "other", from: "192.0.2.2", now: 2) == "goes on behind other")
    }

    @Test func `what is larger than the bounds is not kept`() throws {
        var limits = SMTPCheckpointLimits()
        limits.all.memory = 12_000
        limits.all.disk = 100
        var register = Register(limits: limits)
        #expect(try Self.keep(&register, "1", inMemory: 12_000) == 1)
        #expect(try Self.keep(&register, "2", onDisk: 101) == 1)
        #expect(register.kept == SMTPCheckpointSize())
        #expect(try Self.keep(&register, "3", inMemory: 5000) == 0)
        #expect(try Self.keep(&register, "4", inMemory: 5000, now: 1) == 1)
        #expect(register.kept.memory <= 12_000)
        #expect(try Self.answer(&register, "4", now: 1) == "goes on behind 4")
    }

    @Test func `what is complete stays, however much others begin and lose`() throws {
        var limits = SMTPCheckpointLimits()
        limits.all.transactions = 2
        limits.perClient.transactions = 2
        var register = Register(limits: limits)
        try Self.complete(&register, "done")
        for id in 1...9 { try Self.keep(&register, "\(id)", from: "192.0.2.\(id)", now: Int64(id)) }
        #expect(register.kept.transactions == 3)
        #expect(try Self.answer(&register, "done", now: 9) == "was answered 250")
    }

    @Test func `a connection that was lost once more leaves what is complete as it was`() throws {
        var register = Register()
        try Self.complete(&register, "1")
        let second = try #require(Self.begin(&register, try Self.key(), try Self.transaction()).ticket)
        register.lost(second)
        _ = register.interrupted(
            second,
            try Self.transaction(),
            .init("x", inMemory: 0, onDisk: 0),
            now: Timestamp(seconds: 0)
        )
        #expect(try Self.answer(&register, "1") == "was answered 250")
    }

    @Test func `under other rules all begin anew, and nobody keeps what was judged by the old ones`() throws {
        var register = Register()
        try Self.keep(&register, "1")
        let open = try #require(Self.begin(&register, try Self.key("2"), try Self.transaction(id: "2")).ticket)
        register.removeAll()
        #expect(register.kept == SMTPCheckpointSize())
        _ = register.interrupted(
            open,
            try Self.transaction(id: "2"),
            .init("x", inMemory: 1, onDisk: 0),
            now: Timestamp(seconds: 0)
        )
        #expect(try Self.answer(&register, "1") == "new")
        #expect(try Self.answer(&register, "2") == "new")
    }

    @Test func `an envelope of many recipients counts too`() throws {
        var register = Register()
        var transaction = try Self.transaction()
        transaction.recipients = try (0..<100).map {
            EnvelopeRecipient(address: try EmailAddress(parsing: "r\($0)@b.example"))
        }
        let ticket = try #require(Self.begin(&register, try Self.key(), transaction).ticket)
        _ = register.completed(ticket, transaction, .ok, now: Timestamp(seconds: 0))
        #expect(register.kept.memory > 10_000)
        // Long names count by their length.
        var long = transaction
        let local = String(repeating: "x", count: 64)
        long.recipients = try (100..<200).map {
            EnvelopeRecipient(address: try EmailAddress(parsing: "\(local)@\($0).b.example"))
        }
        let second = try #require(Self.begin(&register, try Self.key("2"), long).ticket)
        let before = register.kept.memory
        _ = register.completed(second, long, .ok, now: Timestamp(seconds: 0))
        #expect(register.kept.memory - before > before + 5000)
    }
}
