import Crypto
import MailBytes
import MailEvents
import TrackingProtocol

/// What senders who kept a secret are told of their messages: RFC 3885, RFC 3887.
extension TraceStore {
    /// Messages with one envelope id that are looked at: the id is the sender's, and may be anybody's.
    private static let candidates = 50

    /// What became of the message with this envelope id and the secret whose hash came with it; `nil` when there is none.
    public func track(
        envelopeID: String,
        secret: [UInt8],
        hostName: String
    ) async throws -> TrackingReport? {
        let hash = Array(Insecure.SHA1.hash(data: secret))
        for history in try await find(envelopeID, limit: Self.candidates) {
            guard let arrival = history.entries.first(where: { $0.event.kind == .received }),
                arrival.event[.envelopeID] == envelopeID, let certifier = arrival.event[.certifier],
                Self.isHash(hash, of: certifier)
            else { continue }
            return TrackingReport(
                envelopeID: envelopeID,
                reportingHost: hostName,
                arrival: arrival.time,
                recipients: arrival.event.all(.recipient).map { Self.fate(of: $0, in: history) }
            )
        }
        return nil
    }

    /// The certifier is the base64 of the hash: RFC 3885 section 3.1. Compared in constant time.
    private static func isHash(_ hash: [UInt8], of certifier: String) -> Bool {
        // Senders leave the padding out, as the examples of RFC 3885 do.
        var text = Array(certifier.utf8)
        while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
        guard let expected = Base64.decode(text.span), expected.count == hash.count else { return false }
        return zip(expected, hash).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func fate(of recipient: String, in history: TraceHistory) -> TrackingReport.Recipient {
        let name = "rfc822; \(recipient)"
        // It is here, and waits.
        var fate = TrackingReport.Recipient(original: name, final: name, action: .delayed, status: "4.0.0")
        for entry in history.entries where entry.event.all(.recipient).contains(recipient) {
            switch entry.event.kind {
            case .delivered: (fate.action, fate.status, fate.remoteHost) = (.delivered, "2.1.5", nil)
            // Whether the next host can be asked is not known: no more is told.
            case .relayed: (fate.action, fate.status, fate.remoteHost) = (.relayed, "2.1.9", entry.event[.host])
            case .expanded: (fate.action, fate.status) = (.expanded, "2.0.0")
            case .deferred: (fate.action, fate.status) = (.delayed, entry.event[.status] ?? "4.0.0")
            case .failed: (fate.action, fate.status) = (.failed, entry.event[.status] ?? "5.0.0")
            case .expired: (fate.action, fate.status) = (.failed, "5.4.7")
            default: continue
            }
            // Of several failures each has its status.
            if let comma = fate.status.firstIndex(of: ",") { fate.status = String(fate.status[..<comma]) }
            fate.lastAttempt = entry.time
        }
        return fate
    }
}
