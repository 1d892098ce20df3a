import MailBytes
import Testing

@testable import Spool

@Suite("Segments: begun, freed, used again, rewritten")
struct SegmentTests {
    let disk = SimulatedDisk(seed: 1)

    private func open(_ options: SpoolOptions = .small(32 << 10)) throws -> SpoolLog {
        try SpoolLog(files: disk, options: options, random: SplitMix64(seed: UInt64(disk.steps)))
    }

    private func segments() throws -> [String] { try disk.list().filter { $0.hasSuffix(".segment") } }

    @Test func `finished messages free their segments, which are used again`() throws {
        let log = try open()
        for number in 0..<200 {
            let id = try log.add(Sample(number, size: 2000))
            #expect(log.flush(durably: true) == nil)
            try log.append(done: id)
            #expect(log.flush(durably: true) == nil)
            log.reclaim()
        }
        #expect(log.current.sequence > 20)
        #expect(try disk.list().count <= 6)
        let again = try open()
        #expect(again.reader.ids().isEmpty)
        #expect(again.report.cutOctets == 0)
        #expect(again.report.damagedOctets == 0)
    }

    @Test func `a message that stays moves on, and does not hold the space of those that went`() throws {
        let log = try open()
        let samples = [try Sample(1, size: 2000, recipients: 2), try Sample(2, size: 40)]
        let ids = [try log.add(samples[0]), try log.add(samples[1])]
        #expect(log.flush(durably: true) == nil)
        let state = RecipientState.waiting(attempts: 3, nextAttempt: Timestamp(seconds: 9), lastError: "421")
        try log.append(progress: [(1, state)], of: ids[0])
        try log.append(isHeld: true, route: "relay.example", of: ids[1])
        for number in 0..<300 {
            let id = try log.add(Sample(number, size: 2000))
            #expect(log.flush(durably: true) == nil)
            try log.append(done: id)
            log.flush(durably: true)
            log.reclaim()
            log.rewriteSome(limit: 4096)
        }
        #expect(try segments().count <= 6)
        for reader in [log.reader, try open().reader] {
            #expect(reader.ids() == ids)
            #expect(try reader.whole(ids[0]) == samples[0].body)
            #expect(try reader.envelope(ids[0]) == samples[0].envelope)
            #expect(reader.message(ids[0])?.progress == [1: state])
            #expect(reader.message(ids[1])?.isHeld == true)
            #expect(reader.message(ids[1])?.route == "relay.example")
        }
    }

    @Test func `a large message moves too, and an upload that takes long`() throws {
        let log = try open()
        let large = try Sample(1, size: 30_000)
        let id = log.nextID(now: Timestamp(seconds: 1))
        for start in stride(from: 0, to: 30_000, by: 5_000) {
            try log.addChunk(id, large.body[start..<(start + 5_000)])
        }
        try log.append(uploaded: id, envelope: EnvelopeHead.encode(large.envelope), recipients: 1)
        #expect(log.flush(durably: true) == nil)
        let slow = try Sample(2, size: 9_000)
        let slowID = log.nextID(now: Timestamp(seconds: 1))
        try log.addChunk(slowID, slow.body[..<3_000])
        for number in 0..<300 {
            let other = try log.add(Sample(number, size: 2000))
            #expect(log.flush(durably: true) == nil)
            try log.append(done: other)
            log.flush(durably: true)
            log.reclaim()
            log.rewriteSome(limit: 8192)
        }
        #expect(try segments().count <= 8)
        try log.addChunk(slowID, slow.body[3_000...])
        try log.append(uploaded: slowID, envelope: EnvelopeHead.encode(slow.envelope), recipients: 1)
        #expect(log.flush(durably: true) == nil)
        for reader in [log.reader, try open().reader] {
            #expect(try reader.whole(id) == large.body)
            #expect(try reader.whole(slowID) == slow.body)
        }
    }

    @Test func `damaged content stays damaged when it is moved`() throws {
        let log = try open()
        let id = try log.add(Sample(1, size: 2000))
        #expect(log.flush(durably: true) == nil)
        let location = try #require(log.reader.entry(id)?.location)
        disk.damage(Segment.name(location.segment)) { $0[Int(location.offset) + RecordHead.size + 500] ^= 4 }
        for number in 0..<200 {
            let other = try log.add(Sample(number, size: 2000))
            #expect(log.flush(durably: true) == nil)
            try log.append(done: other)
            log.flush(durably: true)
            log.rewriteSome()
        }
        let moved = try #require(log.reader.entry(id)?.location)
        #expect(moved != location)
        #expect(throws: SpoolError(.damaged, path: Segment.name(moved.segment))) { try log.reader.whole(id) }
    }

    @Test func `what the disk does not give back for a moment is told from what is damaged`() throws {
        let log = try open()
        let sample = try Sample(1, size: 2000)
        let id = try log.add(sample)
        #expect(log.flush(durably: true) == nil)
        disk.faults.readFails = 1
        #expect { try log.reader.whole(id) } throws: { ($0 as? SpoolError)?.reason == .disk }
        #expect { try log.reader.envelope(id) } throws: { ($0 as? SpoolError)?.reason == .disk }
        disk.faults.readFails = 0
        #expect(try log.reader.whole(id) == sample.body)
    }

    @Test(arguments: 0..<40) func `what the disk does not give back for a moment is not replaced when others move`(
        seed: UInt64
    ) throws {
        let disk = SimulatedDisk(seed: seed)
        let log = try SpoolLog(files: disk, options: .small(32 << 10), random: SplitMix64(seed: seed))
        var kept: [UInt64: Sample] = [:]
        for number in 0..<3 {
            let sample = try Sample(number, size: 2000)
            kept[try log.add(sample)] = sample
        }
        let large = try Sample(3, size: 12_000)
        let upload = log.nextID(now: Timestamp(seconds: 1))
        for start in stride(from: 0, to: 12_000, by: 3_000) {
            try log.addChunk(upload, large.body[start..<(start + 3_000)])
        }
        try log.append(uploaded: upload, envelope: EnvelopeHead.encode(large.envelope), recipients: 1)
        kept[upload] = large
        #expect(log.flush(durably: true) == nil)
        for number in 4..<120 {
            let id = try log.add(Sample(number, size: 2000))
            #expect(log.flush(durably: true) == nil)
            try log.append(done: id)
            log.flush(durably: true)
            disk.faults.readFails = 2
            log.rewriteSome(limit: 8192)
            disk.faults.readFails = 0
        }
        // When the disk is well again it all moves at last.
        for number in 120..<160 {
            let id = try log.add(Sample(number, size: 2000))
            #expect(log.flush(durably: true) == nil)
            try log.append(done: id)
            log.flush(durably: true)
            log.unstickRewriting()
            while log.rewriteSome(limit: 8192) {}
        }
        #expect(log.order.count <= 8)
        for (id, sample) in kept { #expect(try log.reader.whole(id) == sample.body) }
    }

    @Test func `a batch that fails because its segment was full fails for those in it alone`() throws {
        let log = try open()
        let kept = try log.add(Sample(1, size: 100))
        #expect(log.flush(durably: true) == nil)
        let first = log.batch
        let failing = try log.add(Sample(2, size: 20_000))
        var faults = SimulatedDisk.Faults()
        faults.writeFails = 1
        disk.faults = faults
        // It does not fit behind the others, and what waits cannot be written.
        #expect(throws: SpoolError.self) { try log.add(Sample(3, size: 20_000)) }
        disk.faults = SimulatedDisk.Faults()
        let later = try log.add(Sample(4, size: 20_000))
        let last = log.batch
        #expect(log.flush(durably: true) == nil)
        #expect(log.failure(of: first...first) != nil)
        #expect(log.failure(of: last...last) == nil)
        #expect(log.reader.ids() == [kept, later])
        #expect(log.reader.message(failing) == nil)
        #expect(try open().reader.ids() == [kept, later])
    }

    @Test func `an upload that waits for long does not have the log rewritten`() throws {
        let log = try open()
        let upload = log.nextID(now: Timestamp(seconds: 1))
        let piece = try Sample(1, size: 12_000).body
        while log.order.count < 6 {
            try log.addChunk(upload, piece[...])
            #expect(log.flush(durably: true) == nil)
        }
        #expect(!log.isWasteful)
        #expect(!log.rewriteSome())
        log.abandon(upload: upload)
        #expect(log.isWasteful)
    }

    @Test func `an upload that lost a chunk to a failed sync is refused`() throws {
        let log = try open()
        let sample = try Sample(1, size: 4_000)
        let id = log.nextID(now: Timestamp(seconds: 1))
        try log.addChunk(id, sample.body[..<2_000])
        #expect(log.flush(durably: false) == nil)
        var faults = SimulatedDisk.Faults()
        faults.syncFails = 1
        disk.faults = faults
        _ = try log.add(Sample(2, size: 10))
        #expect(log.flush(durably: true)?.reason == .disk)
        disk.faults = SimulatedDisk.Faults()
        #expect(throws: SpoolError.self) { try log.addChunk(id, sample.body[2_000...]) }
        #expect(throws: SpoolError.self) {
            try log.append(uploaded: id, envelope: EnvelopeHead.encode(sample.envelope), recipients: 1)
        }
        #expect(log.uploads.isEmpty)
        #expect(log.index.with { $0.segments.values.allSatisfy { $0.pendingBytes == 0 } })
        _ = try log.add(Sample(3, size: 10))
        #expect(log.flush(durably: true) == nil)
    }

    @Test func `progress that a failed sync took is written again`() throws {
        let log = try open()
        let id = try log.add(Sample(1, size: 10))
        let other = try log.add(Sample(2, size: 10))
        #expect(log.flush(durably: true) == nil)
        try log.append(progress: [(0, .finished)], of: id)
        try log.append(done: other)
        #expect(log.flush(durably: false) == nil)
        var faults = SimulatedDisk.Faults()
        faults.syncFails = 1
        disk.faults = faults
        #expect(log.flush(durably: true) != nil)
        disk.faults = SimulatedDisk.Faults()
        #expect(!log.isSettled)
        log.settle()
        #expect(log.isSettled)
        disk.restart()
        let again = try open()
        #expect(again.reader.ids() == [id])
        #expect(again.reader.message(id)?.progress == [0: .finished])
    }

    @Test func `a message larger than a segment gets one of its own size`() throws {
        let log = try open()
        let sample = try Sample(1, size: 200_000)
        let id = try log.add(sample)
        #expect(log.flush(durably: true) == nil)
        #expect(try open().reader.whole(id) == sample.body)
    }

    @Test func `room ends at the bound on its size and at the disk's free space`() throws {
        var options = SpoolOptions.small(32 << 10)
        options.maximumSize = ByteCount(bytes: 100 << 10)
        let log = try open(options)
        #expect(log.hasRoom())
        var ids: [UInt64] = []
        while log.hasRoom() {
            ids.append(try log.add(Sample(ids.count, size: 3000)))
            #expect(log.flush(durably: true) == nil)
        }
        #expect(ids.count > 10)
        for id in ids { try log.append(done: id) }
        #expect(log.flush(durably: true) == nil)
        log.settle()
        log.reclaim()
        #expect(log.hasRoom() == (log.spares.count + 1 <= 3))
        var full = SimulatedDisk.Faults()
        full.capacity = 1 << 10
        disk.faults = full
        var careful = options
        careful.minimumFreeSpace = ByteCount(bytes: 1)
        #expect(try !SpoolLogRoom.check(disk, careful))
    }
}

/// Asks a log that was opened on a disk with room whether it has any now.
private enum SpoolLogRoom {
    static func check(_ disk: SimulatedDisk, _ options: SpoolOptions) throws -> Bool {
        let full = disk.faults
        disk.faults = SimulatedDisk.Faults()
        let log = try SpoolLog(files: disk, options: options, random: SplitMix64(seed: 9))
        disk.faults = full
        return log.hasRoom()
    }
}

@Suite("Bodies kept in memory for their delivery")
struct RecentContentTests {
    @Test func `octets and ids stay bounded, in whatever order messages go`() {
        let recent = RecentContent(capacity: 10_000)
        var random = SplitMix64(seed: 1)
        for id in 0..<20_000 as Range<UInt64> {
            recent.keep([.init(repeating: 0, count: 100)], id: id)
            if id > 10 { recent.forget(UInt64.random(in: 0...id, using: &random)) }
        }
        #expect(recent.usage.octets <= 10_000)
        #expect(recent.usage.ids <= 2 * 100 + 1024 + 1)
        #expect(recent.body(of: 19_999) != nil)
    }
}
