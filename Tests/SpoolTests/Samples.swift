import MailBytes
import MailNames

@testable import Spool

/// Messages whose content tells which message it is of.
struct Sample {
    let envelope: Envelope
    let body: [UInt8]

    init(_ number: Int, size: Int, recipients: Int = 1) throws {
        var generator = SplitMix64(seed: UInt64(number))
        let domain = try Domain(parsing: "example.org")
        var paths: [EnvelopeRecipient] = []
        for index in 0..<recipients {
            paths.append(EnvelopeRecipient(address: try EmailAddress(parsing: "r\(number).\(index)@\(domain.ascii)")))
        }
        self.envelope = Envelope(
            reversePath: .address(try EmailAddress(parsing: "s\(number)@example.net")),
            recipients: paths,
            origin: MessageOrigin(door: .smtp, helo: "client.example", transmissionType: "ESMTP"),
            received: Timestamp(seconds: 1_700_000_000 + Int64(number)),
            expires: Timestamp(seconds: 1_700_400_000)
        )
        self.body = [UInt8](unsafeUninitializedCapacity: size + 8) { bytes, count in
            let raw = UnsafeMutableRawBufferPointer(bytes)
            for offset in stride(from: 0, to: size, by: 8) {
                raw.storeBytes(of: generator.next(), toByteOffset: offset, as: UInt64.self)
            }
            count = size
        }
    }
}

extension SpoolOptions {
    /// Small segments, so that a test sees many.
    static func small(_ segment: Int = 64 << 10) -> SpoolOptions {
        var options = SpoolOptions()
        options.segmentSize = ByteCount(bytes: segment)
        options.minimumFreeSpace = ByteCount(bytes: 0)
        return options
    }
}

extension SpoolLog {
    /// Appends a message and gives its id.
    func add(_ sample: Sample, at moment: Timestamp = Timestamp(seconds: 1)) throws(SpoolError) -> UInt64 {
        let id = nextID(now: moment)
        var failure: SpoolError?
        let metadata = EnvelopeHead.encode(sample.envelope)
        sample.body.withUnsafeBytes { bytes in
            do throws(SpoolError) {
                try append(message: id, envelope: metadata, recipients: sample.envelope.recipients.count, body: [bytes])
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return id
    }

    /// Appends a piece of an upload.
    func addChunk(_ id: UInt64, _ bytes: ArraySlice<UInt8>) throws(SpoolError) {
        var failure: SpoolError?
        bytes.withUnsafeBytes { pointer in
            do throws(SpoolError) { try append(chunkOf: id, body: [pointer]) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

extension SpoolReader {
    /// All of a message's content.
    func whole(_ id: UInt64) throws(SpoolError) -> [UInt8] {
        var bytes: [UInt8] = []
        for piece in 0..<(try pieces(of: id)) { bytes += Array(try content(id, piece: piece).readableBytesView) }
        return bytes
    }
}
