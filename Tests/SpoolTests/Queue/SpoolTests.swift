import Foundation
import MailBytes
import MailEvents
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Spool

/// A folder of its own for each test, gone afterwards.
final class TestFolder: Sendable {
    let path = NSTemporaryDirectory() + "martlet-spool-" + UUID().uuidString
    deinit { try? FileManager.default.removeItem(atPath: path) }
}

extension Spool {
    /// Commits and waits.
    func commit(_ sample: Sample) async throws -> QueueID {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        return try await withCheckedThrowingContinuation { continuation in
            commit(sample.envelope, .buffers([ByteBuffer(bytes: sample.body)]), on: loop) { result in
                continuation.resume(with: result)
            }
        }
    }

    /// Records and waits.
    func record(durably progress: [SpoolProgress]) async throws {
        try await withCheckedThrowingContinuation { continuation in
            record(progress) { continuation.resume(with: $0) }
        }
    }
}

@Suite("The spool on a real disk")
struct SpoolTests {
    let folder = TestFolder()
    let clock = WallClock { Timestamp(seconds: 1_700_000_000) }

    private func open(_ options: SpoolOptions = .small(1 << 20)) throws -> Spool {
        try Spool.open(folder: folder.path, options: options, clock: clock)
    }

    @Test func `what is recorded counts at once, and an older record that is written later does not undo it`()
        async throws
    {
        let spool = try open()
        let id = try await spool.commit(try Sample(1, size: 100, recipients: 2))
        for attempt in 1...200 {
            let waiting = RecipientState.waiting(
                attempts: UInt16(attempt),
                nextAttempt: Timestamp(seconds: 1),
                lastError: nil
            )
            spool.record([.recipients([(0, waiting)], of: id)])
            #expect(spool.message(id)?.progress[0] == waiting)
        }
        spool.record([.control(isHeld: true, route: "relay.test:25", of: id)])
        #expect(spool.message(id)?.isHeld == true && spool.message(id)?.route == "relay.test:25")
        try await spool.record(durably: [.recipients([(0, .finished)], of: id)])
        #expect(spool.message(id)?.progress[0] == .finished)
        await spool.close()
        let again = try open()
        #expect(again.message(id)?.progress[0] == .finished && again.message(id)?.isHeld == true)
        await again.close()
    }

    @Test func `what is committed is there after a restart`() async throws {
        let spool = try open()
        let first = try Sample(1, size: 5000, recipients: 2)
        let second = try Sample(2, size: 0)
        let ids = [try await spool.commit(first), try await spool.commit(second)]
        #expect(ids[0] < ids[1])
        #expect(spool.ids() == ids)
        await spool.close()
        let again = try open()
        #expect(again.ids() == ids)
        #expect(try again.envelope(ids[0]) == first.envelope)
        #expect(Array(try again.content(ids[0]).readableBytesView) == first.body)
        #expect(try again.content(ids[1]).readableBytes == 0)
        #expect(again.recoveryReport.messages == 2)
        await again.close()
    }

    @Test func `many sessions at once get ids of their own and are announced once`() async throws {
        let spool = try open()
        let announced = Mutex<[QueueID]>([])
        spool.subscribe { messages in announced.withLock { $0 += messages.map(\.id) } }
        let ids = try await withThrowingTaskGroup(of: [QueueID].self) { group in
            for session in 0..<20 {
                group.addTask {
                    var ids: [QueueID] = []
                    for number in 0..<50 {
                        ids.append(try await spool.commit(Sample(session * 50 + number, size: 2000)))
                    }
                    return ids
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(ids).count == 1000)
        await spool.close()
        #expect(announced.withLock { $0.sorted() } == ids.sorted())
        let again = try open()
        #expect(again.count == 1000)
        await again.close()
    }

    @Test func `progress, holding and the end of a message are remembered`() async throws {
        let spool = try open()
        let id = try await spool.commit(Sample(1, size: 100, recipients: 3))
        let other = try await spool.commit(Sample(2, size: 100))
        let state = RecipientState.waiting(attempts: 2, nextAttempt: Timestamp(seconds: 5), lastError: "451 later")
        try await spool.record(durably: [
            .recipients([(0, .finished), (2, state)], of: id),
            .control(isHeld: true, route: "[relay.example]:2525", of: id),
            .done(other),
        ])
        await spool.close()
        let again = try open()
        #expect(again.ids() == [id])
        let message = try #require(again.message(id))
        #expect(message.progress == [0: .finished, 2: state])
        #expect(message.isHeld)
        #expect(message.route == "[relay.example]:2525")
        await again.close()
    }

    @Test func `a second server is refused, and let in after the first is closed`() async throws {
        let spool = try open()
        #expect { try open() } throws: { ($0 as? SpoolError)?.reason == .locked }
        await spool.close()
        await (try open()).close()
    }

    @Test func `while the disk is full the writer does not go on trying to move things`() async throws {
        let disk = SimulatedDisk(seed: 1)
        let spool = try Spool(files: disk, options: .small(64 << 10), clock: clock)
        var ids: [QueueID] = []
        for number in 0..<120 { ids.append(try await spool.commit(Sample(number, size: 3000))) }
        disk.faults.capacity = 1
        for id in ids.dropFirst() { spool.record([.done(id)]) }
        // Fails, but comes after all that was told before.
        try? await spool.record(durably: [])
        let (before, began) = (disk.steps, ContinuousClock.now)
        try await Task.sleep(for: .milliseconds(600))
        // It tries again every half second.
        let tries = 2 + Int((ContinuousClock.now - began) / .milliseconds(500))
        #expect(disk.steps - before < 20 * tries)
        disk.faults.capacity = .max
        #expect(spool.ids() == [ids[0]])
        await spool.close()
    }

    @Test func `a closed spool refuses`() async throws {
        let spool = try open()
        await spool.close()
        await #expect { try await spool.commit(Sample(1, size: 1)) } throws: { ($0 as? SpoolError)?.reason == .closed }
        await spool.close()
    }

    @Test func `a large message arrives and leaves in pieces`() async throws {
        let spool = try open(.small(4 << 20))
        let sample = try Sample(1, size: 3_000_000)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let upload = spool.upload(on: loop)
        var rest = sample.body[...]
        while !rest.isEmpty {
            let piece = ByteBuffer(bytes: rest.prefix(50_000))
            rest = rest.dropFirst(50_000)
            // Small disks and busy machines: the answer to wait is heeded.
            await withCheckedContinuation { continuation in
                if upload.append(piece, resume: { continuation.resume() }) { continuation.resume() }
            }
        }
        #expect(upload.size == sample.body.count)
        let id = try await withCheckedThrowingContinuation { continuation in
            spool.commit(sample.envelope, .upload(upload), on: loop) { continuation.resume(with: $0) }
        }
        #expect(try spool.pieces(of: id) > 10)
        #expect(try spool.reader.whole(id.rawValue) == sample.body)
        #expect(spool.message(id)?.size == sample.body.count)
        await spool.close()
        let again = try open()
        #expect(try again.reader.whole(id.rawValue) == sample.body)
        #expect(try again.envelope(id) == sample.envelope)
        await again.close()
    }

    @Test func `an upload that is given up or forgotten keeps no space`() async throws {
        let spool = try open()
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        do {
            let upload = spool.upload(on: loop)
            _ = upload.append(ByteBuffer(repeating: 1, count: 200_000)) {}
            upload.abandon()
            let forgotten = spool.upload(on: loop)
            _ = forgotten.append(ByteBuffer(repeating: 2, count: 200_000)) {}
        }
        _ = try await spool.commit(Sample(1, size: 10))
        // The commit went behind all of that.
        #expect(spool.index.with { $0.segments.values.allSatisfy { $0.pendingBytes == 0 } })
        await spool.close()
    }

    @Test func `beyond its bounds it refuses messages and takes progress`() async throws {
        var options = SpoolOptions.small(1 << 20)
        options.minimumFreeSpace = .gibibytes(1 << 30)
        let writer = try open()
        let id = try await writer.commit(Sample(1, size: 10))
        await writer.close()
        let spool = try open(options)
        #expect(!spool.accepts)
        await #expect { try await spool.commit(Sample(2, size: 10)) } throws: { ($0 as? SpoolError)?.reason == .full }
        try await spool.record(durably: [.done(id)])
        #expect(spool.count == 0)
        await spool.close()
    }

    @Test func `a snapshot shows the queue while a server runs, and changes nothing`() async throws {
        let spool = try open()
        let sample = try Sample(1, size: 3000)
        let id = try await spool.commit(sample)
        let before = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        let snapshot = try SpoolSnapshot(folder: folder.path)
        #expect(snapshot.ids == [id])
        #expect(try snapshot.envelope(id) == sample.envelope)
        #expect(Array(try snapshot.content(id).readableBytesView) == sample.body)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == before)
        await spool.close()
    }
}
