import MailBytes
import MailEvents
import NIOCore
import NIOPosix
import Testing

@testable import Spool

/// An order about many messages is one record, and holds after a crash as the record of one message does.
@Suite("Orders about many messages") struct OrderTests {
    let disk = SimulatedDisk(seed: 5)

    private func open(_ options: SpoolOptions = .small()) throws -> SpoolLog {
        try SpoolLog(files: disk, options: options, random: SplitMix64(seed: UInt64(disk.steps)))
    }

    private func fill(_ log: SpoolLog, _ count: Int) throws -> [UInt64] {
        let ids = try (0..<count).map { try log.add(try Sample($0, size: 100)) }
        #expect(log.flush(durably: true) == nil)
        return ids
    }

    @Test func `each change is there after a restart, for the messages that it names alone`() throws {
        let log = try open()
        let ids = try fill(log, 6)
        try log.append(order: .hold, of: ids[0..<4])
        try log.append(order: .release, of: ids[1..<2])
        try log.append(order: .route("relay.example:25"), of: ids[1..<3])
        try log.append(order: .route(nil), of: ids[2..<3])
        try log.append(order: .done, of: ids[3..<5])
        #expect(log.flush(durably: true) == nil)
        let again = try open()
        for reader in [log.reader, again.reader] {
            #expect(reader.ids() == [ids[0], ids[1], ids[2], ids[5]])
            #expect(reader.ids().map { reader.message($0)?.isHeld } == [true, false, true, false])
            #expect(reader.ids().map { reader.message($0)?.route } == [nil, "relay.example:25", nil, nil])
        }
    }

    @Test func `an order outlives its segment when what it is about is moved`() throws {
        let log = try open(.small(16 << 10))
        let ids = try fill(log, 4)
        try log.append(order: .hold, of: ids[...])
        let first = log.current.sequence
        // Messages that come and go push it far back.
        for number in 10..<200 {
            let id = try log.add(try Sample(number, size: 1000))
            #expect(log.flush(durably: true) == nil)
            try log.append(done: id)
            log.flush(durably: true)
            log.reclaim()
            log.rewriteSome(limit: 4096)
        }
        #expect(log.order.first.map { $0 > first } == true, "its segment is gone")
        let again = try open(.small(16 << 10))
        #expect(again.reader.ids() == ids)
        #expect(ids.allSatisfy { again.reader.message($0)?.isHeld == true })
    }

    @Test func `what was released and then moved is not held when a freed segment comes back`() throws {
        let log = try open(.small(16 << 10))
        let ids = try fill(log, 4)
        try log.append(order: .hold, of: ids[...])
        try log.append(order: .route("relay.example:25"), of: ids[...])
        #expect(log.flush(durably: true) == nil)
        let first = Segment.name(log.current.sequence)
        let bytes = try #require(disk.bytes(of: first))
        var released: UInt64?
        for number in 10..<80 {
            let id = try log.add(try Sample(number, size: 1000))
            try log.append(done: id)
            if number == 40 {
                try log.append(order: .release, of: ids[...])
                try log.append(order: .route(nil), of: ids[...])
                released = log.current.sequence
            }
            #expect(log.flush(durably: true) == nil)
        }
        while log.rewriteSome() {}
        #expect(log.flush(durably: true) == nil)
        log.reclaim()
        let last = try #require(released)
        #expect(log.order.first.map { $0 > last } == true, "the segments of the orders are gone")
        // The order in which names vanish in a crash is nobody's promise.
        disk.put(bytes, as: first)
        let again = try open(.small(16 << 10))
        #expect(states(again, ids) == ["free", "free", "free", "free"])
    }

    /// What is known of each message, for people.
    private func states(_ log: SpoolLog, _ ids: [UInt64]) -> [String] {
        ids.map { id in
            log.reader.message(id).map { ($0.isHeld ? "held" : "free") + ($0.route.map { " for \($0)" } ?? "") }
                ?? "gone"
        }
    }

    /// What was ordered before, what is ordered then, and how a message is after both.
    struct Orders: CustomTestStringConvertible {
        var before: [SpoolOrder.Change]
        var change: SpoolOrder.Change
        var after: String
        var testDescription: String { "\(before), then \(change)" }

        static let all = [
            Orders(before: [], change: .hold, after: "held"),
            Orders(before: [.hold], change: .release, after: "free"),
            Orders(before: [], change: .route("relay.example:25"), after: "free for relay.example:25"),
            Orders(before: [.route("relay.example:25")], change: .route(nil), after: "free"),
            Orders(before: [.hold], change: .done, after: "gone"),
        ]
    }

    @Test(arguments: Orders.all)
    func `an order whose write fails counts, and is written in the next segment`(orders: Orders) throws {
        let log = try open()
        let ids = try fill(log, 3)
        for earlier in orders.before { try log.append(order: earlier, of: ids[...]) }
        #expect(log.flush(durably: true) == nil)
        disk.faults.writeFails = 1
        try log.append(order: orders.change, of: ids[...])
        #expect(log.flush(durably: true) != nil)
        disk.faults = SimulatedDisk.Faults()
        log.settle()
        let again = try open()
        for log in [log, again] { #expect(states(log, ids) == [orders.after, orders.after, orders.after]) }
    }

    @Test(arguments: Orders.all)
    func `an order that finds no room counts, and is written when there is some`(orders: Orders) throws {
        var options = SpoolOptions.small(16 << 10)
        options.spareSegments = 0
        let log = try open(options)
        let ids = try fill(log, 2)
        for earlier in orders.before { try log.append(order: earlier, of: ids[...]) }
        #expect(log.flush(durably: true) == nil)
        while log.current.capacity - log.current.end > 4096 { _ = try fill(log, 1) }
        disk.faults.capacity = 0
        // Ids of no message make the record long.
        let named = ids + (1...500)
        #expect(throws: SpoolError.self) { try log.append(order: orders.change, of: named[...]) }
        #expect(states(log, ids) == [orders.after, orders.after])
        // What is small still fits, and says nothing about the order.
        _ = try fill(log, 1)
        #expect(!log.isSettled)
        log.settle()
        #expect(!log.isSettled)
        disk.faults = SimulatedDisk.Faults()
        log.settle()
        #expect(log.isSettled)
        let again = try open(options)
        for log in [log, again] { #expect(states(log, ids) == [orders.after, orders.after]) }
    }

    @Test func `an order is read as it was written, and any octets are one or none`() {
        let ids: [UInt64] = [1, 2, .max]
        for change in [SpoolOrder.Change.hold, .release, .route("relay.example:25"), .route(nil), .done] {
            let bytes = MetadataCoding.encode(change, of: ids[...])
            let read = MetadataCoding.decodeOrder(bytes.span)
            #expect(read?.change == change && read?.ids == ids)
            for cut in 0..<bytes.count { #expect(MetadataCoding.decodeOrder(Array(bytes[..<cut]).span) == nil) }
        }
        var random = SplitMix64(seed: 8)
        for _ in 0..<2000 {
            var bytes = MetadataCoding.encode(.hold, of: ids[...])
            for _ in 0..<4 {
                bytes[Int(random.next(upperBound: UInt(bytes.count)))] = UInt8.random(in: 0...255, using: &random)
            }
            if let read = MetadataCoding.decodeOrder(bytes.span) { #expect(read.ids.count == ids.count) }
        }
    }

    @Test func `a spool of the format before is read and gone on with`() throws {
        let ids = try fill(try open(), 2)
        let name = try #require(try disk.list().first { $0.hasSuffix(".segment") })
        var bytes = try #require(disk.bytes(of: name))
        for start in [0, 2048] {
            bytes[start + 8] = 1
            let sum = bytes[start..<(start + 64)].withUnsafeBytes { RecordHead.checksum($0, seed: 0) }
            withUnsafeBytes(of: sum.littleEndian) { bytes.replaceSubrange((start + 64)..<(start + 72), with: $0) }
        }
        disk.put(bytes, as: name)
        let log = try open()
        #expect(log.reader.ids() == ids)
        try log.append(order: .hold, of: ids[...])
        #expect(log.flush(durably: true) == nil)
        let again = try open()
        #expect(ids.allSatisfy { again.reader.message($0)?.isHeld == true })
    }

    @Test func `an order about more messages than one record names is told when all of it is durable`() async throws {
        let folder = TestFolder()
        let spool = try Spool.open(
            folder: folder.path,
            options: .small(1 << 20),
            clock: WallClock { Timestamp(seconds: 9) }
        )
        let id = try await spool.commit(try Sample(1, size: 100))
        // Ids of no message are passed over.
        var ids = (1...UInt64(SpoolOrder.messagesPerRecord + 10)).map(QueueID.init(rawValue:))
        ids.append(id)
        let result = await withCheckedContinuation { continuation in
            spool.record(SpoolOrder(.hold, of: ids)) { continuation.resume(returning: $0) }
        }
        #expect(throws: Never.self) { try result.get() }
        #expect(spool.message(id)?.isHeld == true)
        await spool.close()
        let again = try SpoolSnapshot(folder: folder.path)
        #expect(again.message(id)?.isHeld == true && again.ids == [id])
    }
}
