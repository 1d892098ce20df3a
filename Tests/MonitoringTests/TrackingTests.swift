import Foundation
import MailBytes
import MailEvents
import Testing
import TrackingProtocol

@testable import Monitoring

@Suite("Tracked messages, RFC 3885 and 3886", .timeLimit(.minutes(15))) struct TrackingTests {
    /// The base64 of the secret's SHA-1. RFC 3887 section 4.1 has a hash with this secret, which is not the secret's.
    private static let certifier = "5BSvcWHJVUCJ9BBtbxeX7xSnNmY="
    private static let secret = Array("abcdefgh\n".utf8)
    private static let noon = Timestamp(seconds: 1_800_000_000)

    private static func record(
        _ store: TraceStore,
        _ kind: TraceEvent.Kind,
        _ fields: KeyValuePairs<TraceField, String?>
    ) {
        let id = QueueID(rawValue: 7)
        store.record(TraceEntry(queueID: id, time: noon, event: TraceEvent(kind, fields)))
    }

    @Test func `each recipient's last event is its fate`() async throws {
        let folder = NSTemporaryDirectory() + "martlet-tracking-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try TraceStore(folder: folder, options: .init(), clock: WallClock { Self.noon })
        defer { store.close() }
        Self.record(
            store,
            .received,
            [
                .sender: "a@b.test", .envelopeID: "12345-20010101@example.com", .certifier: Self.certifier,
                .recipient: "one@x.test", .recipient: "two@x.test", .recipient: "three@x.test",
                .recipient: "four@x.test",
            ]
        )
        Self.record(store, .deferred, [.recipient: "one@x.test", .recipient: "two@x.test", .status: "4.4.1, 4.2.0"])
        Self.record(store, .relayed, [.recipient: "one@x.test", .host: "mx.x.test"])
        Self.record(store, .failed, [.recipient: "three@x.test", .status: "5.1.1"])
        let report = try #require(
            try await store.track(envelopeID: "12345-20010101@example.com", secret: Self.secret, hostName: "h.test")
        )
        #expect(report.recipients.map(\.action) == [.relayed, .delayed, .failed, .delayed])
        #expect(report.recipients.map(\.status) == ["2.1.9", "4.4.1", "5.1.1", "4.0.0"])
        #expect(report.recipients[0].remoteHost == "mx.x.test")
        #expect(report.arrival == Self.noon && report.reportingHost == "h.test")
    }

    @Test func `nothing is told without the secret, or of a message that is not tracked`() async throws {
        let folder = NSTemporaryDirectory() + "martlet-tracking-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try TraceStore(folder: folder, options: .init(), clock: WallClock { Self.noon })
        defer { store.close() }
        Self.record(store, .received, [.envelopeID: "id@x", .certifier: Self.certifier, .recipient: "one@x.test"])
        for (id, secret) in [
            ("id@x", Array("abcdefgh".utf8)), ("id@x", []), ("ID@X", Self.secret), ("one@x.test", Self.secret),
            ("other@x", Self.secret),
        ] {
            let report = try await store.track(envelopeID: id, secret: secret, hostName: "h.test")
            #expect(report == nil, "\(id)")
        }
    }
}
