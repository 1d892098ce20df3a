import MailBytes
import Testing

@testable import Spool

@Suite("Recovery of what a crash or decay left")
struct RecoveryTests {
    let disk = SimulatedDisk(seed: 1)

    private func open(_ options: SpoolOptions = .small()) throws -> SpoolLog {
        try SpoolLog(files: disk, options: options, random: SplitMix64(seed: UInt64(disk.steps)))
    }

    /// The newest segment's name.
    private func newest() throws -> String { try #require(try disk.list().last { $0.hasSuffix(".segment") }) }

    @Test func `an empty folder is an empty spool without a word`() throws {
        let log = try open()
        #expect(log.reader.ids().isEmpty)
        #expect(log.report.sentences.isEmpty)
    }

    @Test func `a torn last write is cut at every octet, and what came before is whole`() throws {
        let first = try open()
        let kept = try Sample(1, size: 700)
        let id = try first.add(kept)
        #expect(first.flush(durably: true) == nil)
        let name = try newest()
        let before = try #require(disk.bytes(of: name))
        let torn = try first.add(Sample(2, size: 300))
        #expect(first.flush(durably: true) == nil)
        let after = try #require(disk.bytes(of: name))
        let changed = before.indices.filter { before[$0] != after[$0] }
        let range = try #require(changed.first)...(try #require(changed.last))
        for cut in range {
            let disk = SimulatedDisk(seed: 2)
            disk.put(Array(after[..<cut] + before[cut...]), as: name)
            let log = try SpoolLog(files: disk, options: .small(), random: SplitMix64(seed: 3))
            #expect(log.reader.ids() == [id], "cut at \(cut)")
            #expect(try log.reader.whole(id) == kept.body)
            #expect(log.report.damagedOctets == 0)
            // And it stays cut at the next start.
            let again = try SpoolLog(files: disk, options: .small(), random: SplitMix64(seed: 4))
            #expect(again.reader.ids() == [id], "cut at \(cut), the second time")
        }
        #expect(try open().reader.ids() == [id, torn])
    }

    @Test func `a damaged octet anywhere is never given out`() throws {
        let log = try open()
        let samples = [try Sample(1, size: 500), try Sample(2, size: 900), try Sample(3, size: 10)]
        var ids: [UInt64] = []
        for sample in samples {
            ids.append(try log.add(sample))
            #expect(log.flush(durably: true) == nil)
        }
        let name = try newest()
        let sound = try #require(disk.bytes(of: name))
        for sealed in [false, true] {
            for offset in stride(from: Segment.block, to: log.current.end, by: 23) {
                disk.damage(name) { bytes in
                    bytes = sound
                    bytes[offset] ^= 0x10
                }
                let files = SimulatedDisk(seed: 5)
                files.put(try #require(disk.bytes(of: name)), as: name)
                var found = try SpoolLog(files: files, options: .small(), random: SplitMix64(seed: 6))
                if sealed { found = try SpoolLog(files: files, options: .small(), random: SplitMix64(seed: 7)) }
                var lost = 0
                for (id, sample) in zip(ids, samples) {
                    do throws(SpoolError) {
                        #expect(try found.reader.whole(id) == sample.body, "octet \(offset)")
                        #expect(try found.reader.envelope(id) == sample.envelope, "octet \(offset)")
                    } catch {
                        lost += 1
                        #expect(error.reason == .damaged || error.reason == .unknownMessage)
                    }
                }
                #expect(lost <= 1, "octet \(offset) costs one message at most")
            }
        }
    }

    @Test func `an acknowledged message whose body decayed stays in the queue, to be held`() throws {
        let log = try open()
        let id = try log.add(Sample(1, size: 600))
        #expect(log.flush(durably: true) == nil)
        let location = try #require(log.reader.entry(id)?.location)
        _ = try log.add(Sample(2, size: 10))
        #expect(log.flush(durably: true) == nil)
        disk.damage(try newest()) { $0[Int(location.offset) + RecordHead.size + Int(location.metadataLength) + 5] ^= 1 }
        let again = try open()
        #expect(again.reader.ids().count == 2)
        #expect(throws: SpoolError(.damaged, path: Segment.name(location.segment))) { _ = try again.reader.whole(id) }
        #expect(try again.reader.envelope(id).recipients.count == 1)
    }

    @Test func `a segment without a readable header is moved aside and the others live`() throws {
        let log = try open()
        let id = try log.add(Sample(1, size: 600))
        #expect(log.flush(durably: true) == nil)
        let lost = try newest()
        let second = try open()
        let other = try second.add(Sample(2, size: 600))
        #expect(second.flush(durably: true) == nil)
        disk.damage(lost) { for index in 0..<Segment.block { $0[index] = 0xAA } }
        let third = try open()
        #expect(third.reader.ids() == [other])
        #expect(third.report.unreadable == [lost])
        #expect(try disk.list().contains(lost + ".damaged"))
        #expect(third.report.sentences.contains { $0.contains(lost) })
        #expect(id < other)
    }

    @Test func `one damaged copy of a header does no harm`() throws {
        let log = try open()
        let id = try log.add(Sample(1, size: 600))
        #expect(log.flush(durably: true) == nil)
        disk.damage(try newest()) { for index in 0..<512 { $0[index] = 0 } }
        #expect(try open().reader.ids() == [id])
    }

    @Test func `a newer format stops the start and is left alone`() throws {
        let log = try open()
        _ = try log.add(Sample(1, size: 600))
        #expect(log.flush(durably: true) == nil)
        let name = try newest()
        disk.damage(name) { bytes in
            bytes[8] = 9
            bytes[2048 + 8] = 9
        }
        let before = disk.bytes(of: name)
        #expect(throws: SpoolError(.newerFormat(9), path: name)) { try open() }
        #expect(disk.bytes(of: name) == before)
    }

    @Test func `sectors that cannot be read cost their own messages alone`() throws {
        let log = try open()
        for number in 0..<20 {
            _ = try log.add(Sample(number, size: 600))
            #expect(log.flush(durably: true) == nil)
        }
        var faults = SimulatedDisk.Faults()
        faults.readFails = 10
        disk.faults = faults
        // It starts, with whatever it could read.
        let again = try? open()
        disk.faults = SimulatedDisk.Faults()
        if let again { #expect(again.reader.ids().count <= 20) }
    }

    @Test func `ids grow although the clock goes back and every message is gone`() throws {
        let log = try open()
        let id = try log.add(Sample(1, size: 10), at: Timestamp(seconds: 2_000_000_000))
        #expect(log.flush(durably: true) == nil)
        try log.append(done: id)
        #expect(log.flush(durably: true) == nil)
        var last = id
        for _ in 0..<5 {
            let again = try open()
            #expect(again.reader.ids().isEmpty)
            let next = try again.add(Sample(2, size: 10), at: Timestamp(seconds: 5))
            #expect(next > last)
            #expect(again.flush(durably: true) == nil)
            last = next
            try again.append(done: next)
            #expect(again.flush(durably: true) == nil)
        }
    }

    @Test(arguments: 0..<60) func `random bytes are a spool too`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let disk = SimulatedDisk(seed: seed)
        for number in 1...3 as ClosedRange<UInt64> {
            var bytes = (0..<Int.random(in: 0...20_000, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if number == 2, bytes.count > Segment.block {
                // A sound header in front, so that the records are looked at.
                let header = SegmentHeader(
                    sequence: 2,
                    nonce: 0,
                    highWater: 5,
                    floor: 0,
                    previous: 1,
                    previousEnd: 1 << 40
                )
                bytes.replaceSubrange(0..<Segment.block, with: header.bytes)
            }
            disk.put(bytes, as: Segment.name(number))
        }
        let log = try SpoolLog(files: disk, options: .small(), random: random)
        #expect(log.reader.ids().isEmpty, "seed \(seed)")
    }

    @Test(arguments: 0..<150) func `a spool with random changes opens and gives out nothing false`(seed: UInt64) throws
    {
        var random = SplitMix64(seed: seed)
        var oracle = CrashOracle(seed: seed)
        oracle.start()
        for _ in 0..<80 { oracle.act() }
        let known = oracle.known
        oracle.log = nil
        for name in try oracle.disk.list() where name.hasSuffix(".segment") {
            oracle.disk.damage(name) { bytes in
                for _ in 0..<Int.random(in: 0...20, using: &random) {
                    let offset = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[offset] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes[offset] ^= 1
                    case 2: for index in offset..<min(offset + 600, bytes.count) { bytes[index] = 0 }
                    default:
                        let other = Int.random(in: 0..<bytes.count, using: &random)
                        let length = min(500, bytes.count - max(offset, other))
                        for index in 0..<length { bytes[offset + index] = bytes[other + index] }
                    }
                }
                if Int.random(in: 0..<5, using: &random) == 0 {
                    bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
                }
            }
        }
        let log: SpoolLog
        do throws(SpoolError) {
            log = try SpoolLog(files: oracle.disk, options: oracle.options, random: random)
        } catch {
            guard case .newerFormat = error.reason else { throw error }
            return
        }
        for id in log.reader.ids() {
            let sample = try #require(known[id]?.sample, "seed \(seed)")
            if let body = try? log.reader.whole(id) { #expect(body == sample.body, "seed \(seed)") }
            if let envelope = try? log.reader.envelope(id) { #expect(envelope == sample.envelope, "seed \(seed)") }
        }
    }
}
