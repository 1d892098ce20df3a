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

    @Test func `sectors that cannot be read cost their own messages alone, and their segment is kept`() throws {
        let log = try open()
        var ids: [UInt64] = []
        for number in 0..<20 {
            ids.append(try log.add(Sample(number, size: 3000)))
            #expect(log.flush(durably: true) == nil)
        }
        let lost = try #require(log.reader.entry(ids[4])?.location)
        let name = Segment.name(lost.segment)
        let sealed = try open()
        let sound = try #require(disk.bytes(of: name))
        // The segment is not the newest one any more.
        let after = try sealed.add(Sample(20, size: 10))
        #expect(sealed.flush(durably: true) == nil)
        disk.unreadable = (name, Int(lost.offset)..<(Int(lost.offset) + lost.length))
        let again = try open()
        #expect(again.reader.ids() == (ids + [after]).filter { $0 != ids[4] })
        #expect(again.report.partlyUnreadable == [name])
        #expect(again.report.sentences.contains { $0.contains(name) })
        for id in again.reader.ids() { try again.append(done: id) }
        #expect(again.flush(durably: true) == nil)
        _ = try again.add(Sample(21, size: 10))
        #expect(again.flush(durably: true) == nil)
        again.reclaim()
        #expect(disk.bytes(of: name) == nil)
        #expect(disk.bytes(of: name + ".damaged") == sound)
    }

    @Test func `where the end of the newest segment cannot be read the start fails, and loses nothing`() throws {
        let log = try open()
        let ids = [try log.add(Sample(1, size: 600)), try log.add(Sample(2, size: 600))]
        #expect(log.flush(durably: true) == nil)
        let location = try #require(log.reader.entry(ids[1])?.location)
        let name = Segment.name(location.segment)
        let before = try disk.list()
        disk.unreadable = (name, Int(location.offset)..<(Int(location.offset) + location.length))
        #expect { try open() } throws: { ($0 as? SpoolError)?.reason == .unreadable }
        #expect(try disk.list() == before)
        disk.unreadable = nil
        #expect(try open().reader.ids() == ids)
    }

    @Test func `a segment that cannot be opened stops the start by name, and is not set aside`() throws {
        let log = try open()
        let id = try log.add(Sample(1, size: 600))
        #expect(log.flush(durably: true) == nil)
        let before = try disk.list()
        disk.faults.openFails = 1
        #expect { try open() } throws: { error in
            let text = "\(error)"
            return (error as? SpoolError)?.reason == .unreadable && text.contains(before[0])
                && text.contains("Too many open files")
        }
        disk.faults.openFails = 0
        #expect(try disk.list() == before)
        #expect(try open().reader.ids() == [id])
    }

    @Test func `a file in the place of the next segment is never written to`() throws {
        let log = try open()
        let id = try log.add(Sample(1, size: 600))
        #expect(log.flush(durably: true) == nil)
        let next = Segment.name(log.current.sequence + 1)
        let somebody = [UInt8](repeating: 7, count: 10_000)
        disk.put(somebody, as: next)
        #expect(throws: SpoolError.self) { try log.add(Sample(2, size: 100_000)) }
        #expect(disk.bytes(of: next) == somebody)
        #expect(log.reader.ids() == [id])
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
