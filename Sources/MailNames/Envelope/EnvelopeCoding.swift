import MailBytes

/// The envelope as bytes, as the spool keeps it. Numbers are little-endian, texts have their length in front.
///
/// Version 1 is a plain envelope; version 2, written only for what asks for more, is followed by the terms and by what is
/// asked for single recipients.
public enum EnvelopeCoding {
    private static let plain: UInt8 = 1
    private static let withTerms: UInt8 = 2
    /// More recipients than any session may name.
    private static let maximumRecipients = 1 << 20

    /// Appends the envelope's bytes.
    public static func encode(_ envelope: Envelope, into bytes: inout [UInt8]) {
        let isPlain = envelope.hasPlainTerms && envelope.recipients.allSatisfy { $0.requiredOwnership == nil }
        bytes.append(isPlain ? plain : withTerms)
        bytes.append(envelope.bodyType.rawValue)
        bytes.append(envelope.isInternationalized ? 1 : 0)
        bytes.append(envelope.returnContent?.rawValue ?? 0)
        bytes.append(littleEndian: UInt64(bitPattern: envelope.received.microseconds))
        bytes.append(littleEndian: UInt64(bitPattern: envelope.expires.microseconds))
        bytes.append(text: envelope.reversePath.address?.description ?? "")
        bytes.append(text: envelope.envelopeID)
        bytes.append(envelope.origin.door.rawValue)
        let peer = envelope.origin.peer?.bytes ?? []
        bytes.append(UInt8(peer.count))
        bytes.append(contentsOf: peer)
        bytes.append(text: envelope.origin.helo)
        bytes.append(text: envelope.origin.account)
        bytes.append(text: envelope.origin.transmissionType)
        bytes.append(littleEndian: UInt32(envelope.recipients.count))
        for recipient in envelope.recipients {
            bytes.append(text: recipient.address.description)
            bytes.append(recipient.notify.map { $0.rawValue | 0x80 } ?? 0)
            bytes.append(text: recipient.originalRecipient?.addressType)
            bytes.append(text: recipient.originalRecipient?.address)
        }
        if !isPlain { encodeTerms(of: envelope, into: &bytes) }
    }

    /// Reads an envelope; `nil` when the bytes are not exactly one.
    public static func decode(_ bytes: Span<UInt8>) -> Envelope? {
        var reader = ByteReader(bytes.count)
        guard
            let version = reader.byte(bytes), version == plain || version == withTerms,
            let body = reader.byte(bytes).flatMap(BodyType.init(rawValue:)),
            let international = reader.byte(bytes), let returned = reader.byte(bytes),
            let received = reader.number(bytes, UInt64.self), let expires = reader.number(bytes, UInt64.self),
            let sender = reader.text(bytes), let envelopeID = reader.text(bytes),
            let door = reader.byte(bytes).flatMap(MessageOrigin.Door.init(rawValue:)),
            let peerCount = reader.byte(bytes), let peer = reader.bytes(bytes, Int(peerCount)),
            let helo = reader.text(bytes), let account = reader.text(bytes), let transmission = reader.text(bytes),
            let count = reader.number(bytes, UInt32.self), count <= maximumRecipients
        else { return nil }
        let reversePath: ReversePath
        switch sender ?? "" {
        case "": reversePath = .null
        case let text:
            guard let address = try? EmailAddress(parsing: text) else { return nil }
            reversePath = .address(address)
        }
        var recipients: [EnvelopeRecipient] = []
        for _ in 0..<count {
            guard
                let text = reader.text(bytes), let address = try? EmailAddress(parsing: text ?? ""),
                let notify = reader.byte(bytes), let type = reader.text(bytes), let original = reader.text(bytes)
            else { return nil }
            recipients.append(
                EnvelopeRecipient(
                    address: address,
                    notify: notify & 0x80 == 0 ? nil : DeliveryNotify(rawValue: notify & 0x7F),
                    originalRecipient: type.flatMap { type in
                        original.map { OriginalRecipient(addressType: type, address: $0) }
                    }
                )
            )
        }
        var terms: DeliveryTerms?
        if version == withTerms {
            guard let read = decodeTerms(bytes, &reader, &recipients) else { return nil }
            terms = read
        }
        guard reader.isAtEnd else { return nil }
        return Envelope(
            reversePath: reversePath,
            recipients: recipients,
            bodyType: body,
            isInternationalized: international == 1,
            envelopeID: envelopeID,
            returnContent: ReturnContent(rawValue: returned),
            origin: MessageOrigin(
                door: door,
                peer: IPAddress(bytes: peer),
                helo: helo,
                account: account,
                transmissionType: transmission ?? ""
            ),
            received: Timestamp(microseconds: Int64(bitPattern: received)),
            expires: Timestamp(microseconds: Int64(bitPattern: expires)),
            terms: terms
        )
    }
}
