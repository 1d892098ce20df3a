import MailBytes

/// What follows a plain envelope in version 2: a set of marks, then what they announce, then owners asked for by recipient.
extension EnvelopeCoding {
    private struct Marks: OptionSet {
        let rawValue: UInt8
        static let deliverBy = Marks(rawValue: 1)
        static let holdUntil = Marks(rawValue: 2)
        static let requiresTLS = Marks(rawValue: 4)
        static let tracking = Marks(rawValue: 8)
        static let solicitation = Marks(rawValue: 16)
        static let hasPathPerRecipient = Marks(rawValue: 32)
        static let waivesTLS = Marks(rawValue: 64)
    }

    static func encodeTerms(of envelope: Envelope, into bytes: inout [UInt8]) {
        let terms = envelope.terms
        var marks: Marks = []
        if terms.deliverBy != nil { marks.insert(.deliverBy) }
        if terms.holdUntil != nil { marks.insert(.holdUntil) }
        if terms.requiresTLS { marks.insert(.requiresTLS) }
        if terms.waivesTLS { marks.insert(.waivesTLS) }
        if terms.tracking != nil { marks.insert(.tracking) }
        if terms.solicitation != nil { marks.insert(.solicitation) }
        if terms.hasPathPerRecipient { marks.insert(.hasPathPerRecipient) }
        bytes.append(marks.rawValue)
        bytes.append(UInt8(bitPattern: terms.priority.rawValue))
        if let by = terms.deliverBy {
            bytes.append(by.time)
            bytes.append(by.mode.rawValue)
            bytes.append(by.traces ? 1 : 0)
        }
        if let time = terms.holdUntil { bytes.append(time) }
        if let tracking = terms.tracking {
            bytes.append(text: tracking.certifier)
            bytes.append(tracking.expires ?? .distantFuture)
        }
        if let solicitation = terms.solicitation { bytes.append(text: solicitation) }
        let asked = envelope.recipients.enumerated().filter { $0.element.requiredOwnership != nil }
        bytes.append(littleEndian: UInt32(asked.count))
        for (index, recipient) in asked {
            guard let ownership = recipient.requiredOwnership else { continue }
            bytes.append(littleEndian: UInt32(index))
            bytes.append(ownership.since)
            bytes.append(ownership.fallback.rawValue)
        }
    }

    /// Reads what `encodeTerms` wrote; `nil` when it is not that.
    static func decodeTerms(
        _ bytes: Span<UInt8>,
        _ reader: inout ByteReader,
        _ recipients: inout [EnvelopeRecipient]
    ) -> DeliveryTerms? {
        guard let marks = reader.byte(bytes).map(Marks.init(rawValue:)),
            let priority = reader.byte(bytes).flatMap({ MessagePriority(Int(Int8(bitPattern: $0))) })
        else { return nil }
        var terms = DeliveryTerms(
            priority: priority,
            requiresTLS: marks.contains(.requiresTLS),
            waivesTLS: marks.contains(.waivesTLS)
        )
        terms.hasPathPerRecipient = marks.contains(.hasPathPerRecipient)
        if marks.contains(.deliverBy) {
            guard let time = reader.time(bytes), let mode = reader.byte(bytes).flatMap(DeliverBy.Mode.init(rawValue:)),
                let traces = reader.byte(bytes)
            else { return nil }
            terms.deliverBy = DeliverBy(time: time, mode: mode, traces: traces == 1)
        }
        if marks.contains(.holdUntil) {
            guard let time = reader.time(bytes) else { return nil }
            terms.holdUntil = time
        }
        if marks.contains(.tracking) {
            guard let certifier = reader.text(bytes) ?? nil, let expires = reader.time(bytes) else { return nil }
            terms.tracking = MessageTracking(certifier: certifier, expires: expires == .distantFuture ? nil : expires)
        }
        if marks.contains(.solicitation) {
            guard let solicitation = reader.text(bytes) ?? nil else { return nil }
            terms.solicitation = solicitation
        }
        guard let count = reader.number(bytes, UInt32.self), count <= recipients.count else { return nil }
        for _ in 0..<count {
            guard let index = reader.number(bytes, UInt32.self), index < recipients.count,
                let since = reader.time(bytes),
                let fallback = reader.byte(bytes).flatMap(RequiredOwnership.Fallback.init(rawValue:))
            else { return nil }
            recipients[Int(index)].requiredOwnership = RequiredOwnership(since: since, fallback: fallback)
        }
        return terms
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ time: Timestamp) { append(littleEndian: UInt64(bitPattern: time.microseconds)) }
}

extension ByteReader {
    fileprivate mutating func time(_ bytes: Span<UInt8>) -> Timestamp? {
        number(bytes, UInt64.self).map { Timestamp(microseconds: Int64(bitPattern: $0)) }
    }
}
