import Foundation
import MailBytes
import MailEvents
import Synchronization
import Testing

@testable import Monitoring

/// A folder of its own for each store.
private enum StoreFixture {
    static func with(_ body: (String) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "martlet-trace-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }
}

private let noon = Timestamp(seconds: 1_800_000_000)

private func open(_ folder: String, _ options: TraceStore.Options = .init(), now: Timestamp = noon) throws -> TraceStore
{
    try TraceStore(folder: folder, options: options, clock: WallClock { now })
}

private func entry(
    _ id: UInt64?,
    _ kind: TraceEvent.Kind,
    at seconds: Int64 = 0,
    _ fields: [TraceField: String]
)
    -> TraceEntry
{
    let event = TraceEvent(kind, fields.sorted { $0.key.name < $1.key.name }.map { TraceEvent.Entry($0.key, $0.value) })
    return TraceEntry(queueID: id.map { QueueID(rawValue: $0) }, time: noon + .seconds(seconds), event: event)
}

private func ids(_ histories: [TraceHistory]) -> [UInt64?] { histories.map { $0.queueID?.rawValue } }

/// Something that happened, told to a thread that waits for it.
private final class Flag: Sendable {
    private let state = Mutex(false)

    var isRaised: Bool { state.withLock { $0 } }

    func raise() { state.withLock { $0 = true } }
}

@Suite("The trace", .timeLimit(.minutes(15))) struct TraceStoreTests {
    @Test func `a message is found by its id, Message-ID, addresses, domains and hosts`() async throws {
        try await StoreFixture.with { folder in
            let store = try open(folder)
            let received = entry(
                7,
                .received,
                [
                    .sender: "<Carol@Elsewhere.test>", .recipient: "alice@bücher.test", .messageID: "<One@x.test>",
                    .peer: "2001:db8::1",
                ]
            )
            store.record(received)
            store.record(entry(8, .received, at: 1, [.sender: "other@third.test", .recipient: "bob@example.test"]))
            let id = QueueID(rawValue: 7).description
            for query in [
                id, id.lowercased(), " \(id) ", "<One@x.test>", "one@x.test", "carol@elsewhere.test",
                "<CAROL@elsewhere.test>", "elsewhere.test", "alice@xn--bcher-kva.test", "xn--bcher-kva.test",
                "bücher.test",
                "2001:DB8:0::1",
            ] {
                #expect(ids(try await store.find(query)) == [7], "\(query)")
            }
            for query in ["carol", "test", "nobody@elsewhere.test", "%", "2001:db8::2", ""] {
                #expect(try await store.find(query).isEmpty, "\(query)")
            }
            #expect(try await store.find(id).first?.entries == [received])
            store.close()
        }
    }

    @Test func `a life is told in order, the newest message first`() async throws {
        try await StoreFixture.with { folder in
            let store = try open(folder)
            for id: UInt64 in 1...3 {
                store.record(entry(id, .received, at: Int64(id) * 10, [.recipient: "alice@example.test"]))
            }
            store.record(entry(1, .delivered, at: 99, [.recipient: "alice@example.test"]))
            store.record(entry(1, .routed, at: 11, [.recipient: "alice@example.test", .destination: "here"]))
            let found = try await store.find("alice@example.test")
            #expect(ids(found) == [3, 2, 1])
            #expect(found.last?.entries.map(\.event.kind) == [.received, .routed, .delivered])
            #expect(ids(try await store.find("alice@example.test", limit: 2)) == [3, 2])
            store.close()
        }
    }

    @Test func `what belongs to no message is found too`() async throws {
        try await StoreFixture.with { folder in
            let store = try open(folder)
            store.record(entry(nil, .refused, at: 1, [.recipient: "x@example.org", .peer: "192.0.2.1"]))
            store.record(
                entry(nil, .authenticationFailed, at: 2, [.account: "alice@example.test", .peer: "192.0.2.1"])
            )
            let found = try await store.find("192.0.2.1")
            #expect(found.map { $0.entries.map(\.event.kind) } == [[.authenticationFailed], [.refused]])
            store.close()
        }
    }

    @Test func `what was recorded is there after a clean end, and after none`() async throws {
        try await StoreFixture.with { folder in
            let first = try open(folder)
            first.record(entry(1, .received, [.recipient: "alice@example.test"]))
            first.close()
            first.record(entry(2, .received, [.recipient: "alice@example.test"]))
            #expect(first.leftOut == 1)
            // A process that ended with its journal written and not indexed.
            var journal = try TraceJournal(folder: folder, indexed: .init(file: 1, offset: 0))
            var bytes: [UInt8] = []
            entry(3, .received, at: 1, [.recipient: "alice@example.test"]).encode(into: &bytes)
            let torn = Array(bytes.dropLast(3))
            let isWholeKept = journal.append(bytes)
            #expect(isWholeKept)
            let isTornKept = journal.append(torn)
            #expect(isTornKept)
            let second = try open(folder)
            #expect(ids(try await second.find("alice@example.test")) == [3, 1])
            second.record(entry(4, .received, at: 2, [.recipient: "alice@example.test"]))
            #expect(ids(try await second.find("alice@example.test")) == [4, 3, 1])
            second.close()
        }
    }

    @Test func `entries older than the retention go, and what they were found by`() async throws {
        try await StoreFixture.with { folder in
            var options = TraceStore.Options()
            options.retention = .seconds(3600)
            let store = try open(folder, options)
            store.record(entry(1, .received, at: -4000, [.recipient: "old@example.test"]))
            store.record(entry(nil, .refused, at: -4000, [.recipient: "old@example.test"]))
            store.record(entry(2, .received, at: -4000, [.recipient: "both@example.test"]))
            store.record(entry(2, .delivered, at: -10, [.recipient: "both@example.test"]))
            await store.catchUp()
            while try store.deleteEntries(before: noon - .seconds(3600), limit: 2) == 2 {}
            #expect(try await store.find("old@example.test").isEmpty)
            let left = try await store.find("both@example.test")
            #expect(left.map { $0.entries.map(\.event.kind) } == [[.delivered]])
            let keys = try await store.database.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM lookup") }
            // The address and its domain, of message 2 alone.
            #expect(keys == 2)
            store.close()
        }
    }

    @Test func `what memory does not take is counted`() async throws {
        try await StoreFixture.with { folder in
            var options = TraceStore.Options()
            options.waiting = ByteCount(bytes: 0)
            let store = try open(folder, options)
            for _ in 0..<3 { store.record(entry(1, .received, [.recipient: "alice@example.test"])) }
            #expect(store.leftOut == 3)
            store.close()
        }
    }

    @Test func `a full journal costs entries, and no mail`() async throws {
        try await StoreFixture.with { folder in
            var options = TraceStore.Options()
            options.journal = ByteCount(bytes: 0)
            let store = try open(folder, options)
            store.record(entry(1, .received, [.recipient: "alice@example.test"]))
            #expect(try await store.find("alice@example.test").isEmpty)
            #expect(store.leftOut == 1)
            store.close()
        }
    }

    @Test func `many threads record and ask at the same time`() async throws {
        try await StoreFixture.with { folder in
            let store = try open(folder)
            await withTaskGroup(of: Void.self) { group in
                for thread in 0..<8 {
                    group.addTask {
                        for index in 0..<500 {
                            let id = UInt64(thread * 500 + index + 1)
                            store.record(entry(id, .received, [.recipient: "r\(thread)@example.test"]))
                            if index % 100 == 99 { _ = try? await store.find("r\(thread)@example.test", limit: 1) }
                        }
                    }
                }
            }
            for thread in 0..<8 {
                let found = try await store.find("r\(thread)@example.test", limit: 1000)
                #expect(Set(ids(found)).count == 500)
            }
            #expect(store.leftOut == 0)
            store.close()
        }
    }

    @Test func `while a query takes a long journal in, what is recorded is written on`() async throws {
        try await StoreFixture.with { folder in
            var bytes: [UInt8] = []
            for id: UInt64 in 1...20_000 {
                entry(id, .received, [.recipient: "r\(id % 50)@example.test"]).encode(into: &bytes)
            }
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            do {
                var journal = try TraceJournal(folder: folder, indexed: .start)
                let isKept = journal.append(bytes)
                #expect(isKept)
            }
            let store = try open(folder)
            let isAnswered = Flag()
            async let found = {
                let found = try await store.find("r1@example.test", limit: 1)
                isAnswered.raise()
                return found
            }()
            // On a thread of its own: the pool's may be busy with other tests all the while.
            let rounds = await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    var rounds = 0
                    while !isAnswered.isRaised {
                        store.record(entry(30_000, .delivered, [.recipient: "r1@example.test"]))
                        while store.unwritten > 0, !isAnswered.isRaised { usleep(1000) }
                        rounds += 1
                    }
                    continuation.resume(returning: rounds)
                }
            }
            #expect(try await found.count == 1)
            // Before, the first was still unwritten when the answer came.
            #expect(rounds > 3)
            store.close()
        }
    }

    @Test func `the time line has times, sentences and what lies behind them, without control characters`() throws {
        let history = TraceHistory(
            queueID: QueueID(rawValue: 7),
            entries: [
                entry(7, .received, [.recipient: "alice@example.test", .messageID: "<one@x.test>"]),
                entry(7, .attempted, at: 2, [.host: "mx\u{1B}[31m", .dialogue: "S: 220\nC: EHLO"]),
            ]
        )
        let lines = history.text.split(separator: "\n")
        #expect(lines.first == "Message \(QueueID(rawValue: 7))  <one@x.test>")
        #expect(lines.contains { $0.contains("+2.000 s") })
        #expect(lines.contains { $0.hasSuffix("dialogue: S: 220") })
        #expect(lines.contains { $0.hasSuffix("  C: EHLO") })
        #expect(!history.text.contains("\u{1B}"))
    }
}
