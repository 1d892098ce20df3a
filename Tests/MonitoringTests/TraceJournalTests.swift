import Foundation
import MailBytes
import MailEvents
import Testing

@testable import Monitoring

@Suite("The journal of the trace") struct TraceJournalTests {
    private static func inFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "martlet-journal-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private static func bytes(_ id: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        let event = TraceEvent(.received, [.recipient: "alice@example.test"])
        TraceEntry(queueID: QueueID(rawValue: id), time: Timestamp(seconds: 1), event: event).encode(into: &bytes)
        return bytes
    }

    private static func append(_ bytes: [UInt8], to journal: inout TraceJournal) {
        let isKept = journal.append(bytes)
        #expect(isKept)
    }

    /// Takes all that is left, and what has been taken is passed.
    private static func drain(_ journal: inout TraceJournal) -> [UInt64] {
        var ids: [UInt64] = []
        while let portion = journal.next() {
            ids += portion.entries.compactMap(\.queueID?.rawValue)
            journal.passed(to: portion.end)
        }
        return ids
    }

    @Test func `entries come back in order, over files that are deleted behind them`() throws {
        try Self.inFolder { folder in
            var journal = try TraceJournal(folder: folder, indexed: .start, fileSize: 300)
            for id: UInt64 in 1...50 { Self.append(Self.bytes(id), to: &journal) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count > 3)
            let drained = Self.drain(&journal)
            #expect(drained == Array(1...50))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 1)
            #expect(journal.waiting == 0)
            Self.append(Self.bytes(51), to: &journal)
            let rest = Self.drain(&journal)
            #expect(rest == [51])
        }
    }

    @Test func `what was indexed before the end is not indexed again`() throws {
        try Self.inFolder { folder in
            var position = TraceJournal.Position.start
            do {
                var journal = try TraceJournal(folder: folder, indexed: .start)
                for id: UInt64 in 1...2 { Self.append(Self.bytes(id), to: &journal) }
                let portion = journal.next()
                position = try #require(portion).end
                Self.append(Self.bytes(3), to: &journal)
            }
            var again = try TraceJournal(folder: folder, indexed: position)
            let drained = Self.drain(&again)
            #expect(drained == [3])
        }
    }

    @Test func `a torn entry, cut anywhere, is passed over, and what comes after the restart is not`() throws {
        let whole = Self.bytes(2)
        for cut in 0..<whole.count {
            try Self.inFolder { folder in
                do {
                    var journal = try TraceJournal(folder: folder, indexed: .start)
                    Self.append(Self.bytes(1) + whole[..<cut], to: &journal)
                }
                var again = try TraceJournal(folder: folder, indexed: .start)
                Self.append(Self.bytes(3), to: &again)
                let drained = Self.drain(&again)
                #expect(drained == [1, 3], "cut at \(cut)")
            }
        }
    }

    @Test func `what cannot be read for now is not given up`() throws {
        try Self.inFolder { folder in
            var journal = try TraceJournal(folder: folder, indexed: .start, fileSize: 100)
            for id: UInt64 in 1...3 { Self.append(Self.bytes(id), to: &journal) }
            let file = folder + "/journal-000000000001"
            let aside = folder + "/aside"
            // A folder in its place gives the error EISDIR, whoever reads.
            try FileManager.default.moveItem(atPath: file, toPath: aside)
            try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
            let unreadable = journal.next()
            #expect(unreadable?.entries == nil)
            #expect(journal.indexed == TraceJournal.Position(file: 1, offset: 0))
            try FileManager.default.removeItem(atPath: file)
            try FileManager.default.moveItem(atPath: aside, toPath: file)
            let drained = Self.drain(&journal)
            #expect(drained == [1, 2, 3])
        }
    }

    @Test func `a file that somebody took away holds nothing up`() throws {
        try Self.inFolder { folder in
            var journal = try TraceJournal(folder: folder, indexed: .start, fileSize: 1)
            for id: UInt64 in 1...3 { Self.append(Self.bytes(id), to: &journal) }
            try FileManager.default.removeItem(atPath: folder + "/journal-000000000002")
            let drained = Self.drain(&journal)
            #expect(drained == [1, 3])
        }
    }

    @Test func `other files in the folder are left alone`() throws {
        try Self.inFolder { folder in
            for name in ["trace.db", "journal-", "journal-x", "notes"] {
                try Data().write(to: URL(fileURLWithPath: folder + "/" + name))
            }
            var journal = try TraceJournal(folder: folder, indexed: .init(file: 9, offset: 0))
            let portion = journal.next()
            #expect(portion?.entries == nil)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 4)
        }
    }
}
