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
        isEncrypted: Bool = false,
        role: SMTPServerConfiguration.Role = .transfer
    ) throws -> SMTPCheckpointKey {
        SMTPCheckpointKey(
            try #require(TransactionIdentifier(local: id, domain: "c.example")),
            clientName: name,
            origin: .address(try #require(IPAddress(address))),
            isEncrypted: isEncrypted,
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
        switch register.begin(key, transaction, now: Timestamp(seconds: now)) {
        case .new(let ticket): (ticket, "new")
        case .inUse: (nil, "in use")
        case .interrupted(let ticket, _, let content): (ticket, "goes on behind \(content)")
        case .completed(let ticket, _, let reply): (ticket, "was answered \(reply.code)")
        }
    }

    /// Begins a transaction and loses its connection.
    private static func keep(
        _ register: inout Register,
        _ id: String,
        from address: String = "192.0.2.1",
        inMemory: Int = 0,
        onDisk: Int = 0,
        now: Int64 = 0
    ) throws {
        let transaction = try transaction(id: id)
        let begun = begin(&register, try key(id, from: address), transaction, now: now)
        let received = Register.Received(id, inMemory: inMemory, onDisk: onDisk)
        register.interrupted(try #require(begun.ticket), transaction, received, now: Timestamp(seconds: now))
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
        #expect(register.kept == 1)
        #expect(try Self.answer(&register, "1") == "goes on behind 1")
        #expect(register.kept == 0 && register.memory == 0)
        #expect(try Self.answer(&register, "1") == "in use")
    }

    @Test func `what is complete is so until its client knows`() throws {
        var register = Register()
        let transaction = try Self.transaction()
        let first = try #require(Self.begin(&register, try Self.key(), transaction).ticket)
        register.completed(first, transaction, .ok, now: Timestamp(seconds: 0))
        let second = Self.begin(&register, try Self.key(), transaction)
        #expect(second.answer == "was answered 250")
        // The connection of before has no say in it any more.
        register.ended(first)
        #expect(register.kept == 1)
        register.ended(try #require(second.ticket))
        #expect(register.kept == 0 && register.memory == 0)
        #expect(try Self.answer(&register, "1") == "new")
    }

    @Test func `a connection that was given up keeps nothing`() throws {
        var register = Register()
        let transaction = try Self.transaction()
        let first = try #require(Self.begin(&register, try Self.key(), transaction).ticket)
        register.ended(first)
        #expect(try Self.answer(&register, "1") == "new")
        register.interrupted(first, transaction, .init("late", inMemory: 1, onDisk: 0), now: Timestamp(seconds: 0))
        register.completed(first, transaction, .ok, now: Timestamp(seconds: 0))
        #expect(register.kept == 0)
    }

    @Test func `another client has transactions of its own, whatever it calls them`() throws {
        let others = [
            try Self.key(name: "d.example"), try Self.key(from: "192.0.2.2"), try Self.key(isEncrypted: true),
            try Self.key(role: .submission), try Self.key("2"),
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
        #expect(register.kept == 0)
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
        register.interrupted(ticket, first, .init("x", inMemory: 0, onDisk: 0), now: Timestamp(seconds: 0))
        let second = try Self.transaction(" BY=90;N ENVID=x MTRK=abcd:90")
        #expect(Self.begin(&register, try Self.key(), second).answer == "goes on behind x")
    }

    // MARK: Bounds

    @Test func `what is too old begins anew`() throws {
        var limits = SMTPCheckpointLimits()
        limits.age = .seconds(100)
        for (now, answer) in [(Int64(100), "goes on behind 1"), (101, "new")] {
            var register = Register(limits: limits)
            try Self.keep(&register, "1", inMemory: 5, onDisk: 7)
            #expect(try Self.answer(&register, "1", now: now) == answer)
            #expect(register.memory == 0 && register.disk == 0)
        }
    }

    @Test func `the oldest of too many give way`() throws {
        var limits = SMTPCheckpointLimits()
        limits.transactions = 2
        var register = Register(limits: limits)
        for id in ["1", "2", "3"] { try Self.keep(&register, id) }
        #expect(register.kept == 2)
        #expect(try Self.answer(&register, "1") == "new")
        #expect(try Self.answer(&register, "2") == "goes on behind 2")
        #expect(try Self.answer(&register, "3") == "goes on behind 3")
    }

    @Test func `of one client the oldest of too many give way, and nobody else's`() throws {
        var limits = SMTPCheckpointLimits()
        limits.transactionsPerClient = 2
        var register = Register(limits: limits)
        try Self.keep(&register, "other", from: "192.0.2.2")
        for id in ["1", "2", "3"] { try Self.keep(&register, id, now: 1) }
        #expect(register.kept == 3)
        #expect(try Self.answer(&register, "other", from: "192.0.2.2", now: 1) == "goes on behind other")
        #expect(try Self.answer(&register, "1", now: 1) == "new")
        #expect(try Self.answer(&register, "2", now: 1) == "goes on behind 2")
    }

    @Test func `memory and disk have bounds, and what is larger than them is not kept`() throws {
        var limits = SMTPCheckpointLimits()
        limits.memory = ByteCount(bytes: 5000)
        limits.disk = ByteCount(bytes: 100)
        var register = Register(limits: limits)
        try Self.keep(&register, "1", inMemory: 2000)
        try Self.keep(&register, "2", inMemory: 2000)
        #expect(register.memory <= 5000)
        try Self.keep(&register, "3", inMemory: 2000)
        #expect(register.memory <= 5000)
        #expect(try Self.answer(&register, "1") == "new")
        try Self.keep(&register, "4", inMemory: 6000)
        #expect(try Self.answer(&register, "4") == "new")
        #expect(try Self.answer(&register, "3") == "goes on behind 3")
        try Self.keep(&register, "5", onDisk: 60)
        try Self.keep(&register, "6", onDisk: 60)
        #expect(register.disk == 60)
        try Self.keep(&register, "7", onDisk: 101)
        #expect(try Self.answer(&register, "7") == "new")
        #expect(try Self.answer(&register, "6") == "goes on behind 6")
        #expect(try Self.answer(&register, "5") == "new")
    }

    @Test func `an envelope of many recipients counts too`() throws {
        var register = Register()
        var transaction = try Self.transaction()
        transaction.recipients = try (0..<100).map {
            EnvelopeRecipient(address: try EmailAddress(parsing: "r\($0)@b.example"))
        }
        let ticket = try #require(Self.begin(&register, try Self.key(), transaction).ticket)
        register.completed(ticket, transaction, .ok, now: Timestamp(seconds: 0))
        #expect(register.memory > 10_000)
    }
}
