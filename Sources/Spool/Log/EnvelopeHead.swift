import MailBytes
import MailNames

/// The metadata of a message record: the number of recipients in front, so that start-up need not read envelopes.
package enum EnvelopeHead {
    package static func encode(_ envelope: Envelope) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256)
        bytes.append(littleEndian: UInt32(envelope.recipients.count))
        EnvelopeCoding.encode(envelope, into: &bytes)
        return bytes
    }

    static func recipients(_ bytes: Span<UInt8>, from start: Int) -> UInt32? {
        guard bytes.count >= start + 4 else { return nil }
        var count: UInt32 = 0
        for index in 0..<4 { count |= UInt32(bytes[start + index]) << UInt32(8 * index) }
        return count
    }

    static func decode(_ bytes: Span<UInt8>, from start: Int) -> Envelope? {
        guard bytes.count >= start + 4 else { return nil }
        return EnvelopeCoding.decode(bytes.extracting((start + 4)..<bytes.count))
    }
}
