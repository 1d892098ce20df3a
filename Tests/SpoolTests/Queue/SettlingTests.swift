import MailBytes
import MailEvents
import NIOCore
import NIOPosix
import Testing

@testable import Spool

/// A message and the end of what it was made from are one write: after a crash both hold, or neither.
@Suite("A message that settles another") struct SettlingTests {
    let disk = SimulatedDisk(seed: 5)

    private func open(_ disk: SimulatedDisk) throws -> SpoolLog {
        try SpoolLog(files: disk, options: .small(), random: SplitMix64(seed: UInt64(disk.steps)))
    }

    private func add(_ sample: Sample, to log: SpoolLog, settling: SpoolProgress) throws -> UInt64 {
        let id = log.nextID(now: Timestamp(seconds: 2))
        let metadata = EnvelopeHead.encode(sample.envelope)
        try log.append(
            message: id,
            envelope: metadata,
            recipients: sample.envelope.recipients.count,
            buffers: [ByteBuffer(bytes: sample.body)],
            settling: settling
        )
        return id
    }

    @Test func `both are there after a restart`() throws {
        let log = try open(disk)
        let first = try log.add(try Sample(1, size: 700, recipients: 2))
        #expect(log.flush(durably: true) == nil)
        let settling = SpoolProgress.recipients([(1, .finished)], of: QueueID(rawValue: first))
        let second = try add(try Sample(2, size: 300), to: log, settling: settling)
        #expect(log.flush(durably: true) == nil)
        #expect(log.reader.message(first)?.progress == [1: .finished])
        let again = try open(disk)
        #expect(again.reader.ids() == [first, second])
        #expect(again.reader.message(first)?.progress == [1: .finished])
    }

    @Test func `a write torn at any octet leaves both or neither`() throws {
        let log = try open(disk)
        let first = try log.add(try Sample(1, size: 700))
        #expect(log.flush(durably: true) == nil)
        let name = try #require(try disk.list().last { $0.hasSuffix(".segment") })
        let before = try #require(disk.bytes(of: name))
        let second = try add(try Sample(2, size: 300), to: log, settling: .done(QueueID(rawValue: first)))
        #expect(log.flush(durably: true) == nil)
        #expect(log.reader.ids() == [second])
        let after = try #require(disk.bytes(of: name))
        let changed = before.indices.filter { before[$0] != after[$0] }
        let range = try #require(changed.first)...(try #require(changed.last))
        for cut in range {
            let torn = SimulatedDisk(seed: 6)
            torn.put(Array(after[..<cut] + before[cut...]), as: name)
            let found = try open(torn)
            #expect([[first], [second]].contains(found.reader.ids()), "cut at \(cut)")
        }
    }

    @Test func `where the message is refused, nothing becomes of the other`() async throws {
        let folder = TestFolder()
        let spool = try Spool.open(folder: folder.path, options: .small(), clock: WallClock { Timestamp(seconds: 9) })
        let id = try await spool.commit(try Sample(1, size: 100))
        await spool.close()
        let sample = try Sample(2, size: 100)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        await #expect(throws: SpoolError.self) {
            _ = try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<QueueID, any Error>) in
                spool.commit(sample.envelope, .buffers([ByteBuffer(bytes: sample.body)]), settling: .done(id), on: loop)
                {
                    continuation.resume(with: $0)
                }
            }
        }
        #expect(spool.ids() == [id])
    }
}
