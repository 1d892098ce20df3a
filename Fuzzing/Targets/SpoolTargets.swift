import MailBytes
import MailEvents
import MailNames
import Spool

/// Bytes as records: an envelope or a trace entry that is understood is written in a form that is understood as the same.
func fuzzRecords(_ input: [UInt8]) {
    if let envelope = EnvelopeCoding.decode(input.span) {
        var bytes: [UInt8] = []
        EnvelopeCoding.encode(envelope, into: &bytes)
        holds(EnvelopeCoding.decode(bytes.span) == envelope, "an envelope is what it is written as")
    }
    if let id = QueueID(String(decoding: input.prefix(13), as: UTF8.self)) {
        holds(QueueID(id.description) == id, "a queue id is what it prints")
    }
}

/// A spool's folder changed anywhere, or made of the input: it opens or says why not, gives out nothing false, goes on working,
/// and has after another start what it took.
func fuzzSpool(_ input: [UInt8]) {
    let disk = SimulatedDisk(seed: 1)
    let base = SpoolBase.shared
    if let first = input.first, first & 1 == 0 {
        var bytes = base.segment
        var index = 1
        while index + 3 < input.count {
            let place = (Int(input[index]) << 8 | Int(input[index + 1])) % bytes.count
            switch input[index + 2] & 3 {
            case 0: bytes[place] = input[index + 3]
            case 1: bytes[place] ^= 1 << (input[index + 3] & 7)
            case 2: for offset in place..<min(bytes.count, place + Int(input[index + 3])) { bytes[offset] = 0 }
            default: bytes.removeSubrange(max(place, 1)...)
            }
            index += 4
        }
        disk.put(bytes, as: base.name)
    } else {
        disk.put(Array(input.dropFirst()), as: base.name)
    }
    do {
        let log = try SpoolLog(files: disk, options: SpoolBase.options, random: SplitMix64(seed: 2))
        for id in log.reader.ids() {
            guard let body = base.bodies[id] else {
                holds(false, "a message that nobody wrote: \(id)")
                return
            }
            if let found = SpoolBase.content(id, log.reader) { holds(found == body, "content is whole or not given") }
        }
        let id = try SpoolBase.add(Array("new".utf8), to: log, at: Timestamp(seconds: 2))
        holds(base.bodies[id] == nil || !log.reader.ids().contains(id), "an id is given once")
        holds(log.flush(durably: true) == nil, "a sound disk takes what it is given")
        let again = try SpoolLog(files: disk, options: SpoolBase.options, random: SplitMix64(seed: 3))
        holds(SpoolBase.content(id, again.reader) == Array("new".utf8), "what was acknowledged is there")
    } catch {
        guard case .newerFormat = error.reason else {
            holds(false, "it does not open: \(error)")
            return
        }
    }
}

/// A small spool to begin with.
struct SpoolBase {
    static let shared = SpoolBase()
    static let options: SpoolOptions = {
        var options = SpoolOptions()
        options.segmentSize = ByteCount(bytes: 24 << 10)
        options.minimumFreeSpace = ByteCount(bytes: 0)
        return options
    }()

    private(set) var name = ""
    private(set) var segment: [UInt8] = [0]
    private(set) var bodies: [UInt64: [UInt8]] = [:]

    private init() {
        let disk = SimulatedDisk(seed: 7)
        do {
            let log = try SpoolLog(files: disk, options: Self.options, random: SplitMix64(seed: 4))
            var ids: [UInt64] = []
            for number in 0..<4 {
                let body = [UInt8](repeating: UInt8(number + 65), count: 40 + number * 300)
                let id = try Self.add(body, to: log, at: Timestamp(seconds: 1))
                bodies[id] = body
                if number == 1 { try log.append(progress: [(0, .finished)], of: id) }
                ids.append(id)
                if number == 2 { try log.append(order: .route("relay.example:25"), of: ids[...]) }
                if number == 3 { try log.append(order: .done, of: ids.prefix(1)) }
                log.flush(durably: true)
            }
        } catch {
            holds(false, "the spool to begin with: \(error)")
        }
        name = (try? disk.list().first { $0.hasSuffix(".segment") }) ?? ""
        segment = disk.bytes(of: name) ?? [0]
    }

    static func add(_ body: [UInt8], to log: SpoolLog, at moment: Timestamp) throws(SpoolError) -> UInt64 {
        let recipients = ["r@example.org"].compactMap { try? EmailAddress(parsing: $0) }
        let envelope = Envelope(
            reversePath: .null,
            recipients: recipients.map { EnvelopeRecipient(address: $0) },
            origin: MessageOrigin(door: .smtp, helo: "client.example", transmissionType: "ESMTP"),
            received: moment,
            expires: moment + .seconds(86400)
        )
        let id = log.nextID(now: moment)
        var failure: SpoolError?
        body.withUnsafeBytes { bytes in
            do throws(SpoolError) {
                try log.append(message: id, envelope: EnvelopeHead.encode(envelope), recipients: 1, body: [bytes])
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return id
    }

    static func content(_ id: UInt64, _ reader: SpoolReader) -> [UInt8]? {
        guard let pieces = try? reader.pieces(of: id) else { return nil }
        var bytes: [UInt8] = []
        for piece in 0..<pieces {
            guard let buffer = try? reader.content(id, piece: piece) else { return nil }
            bytes += Array(buffer.readableBytesView)
        }
        return bytes
    }
}
