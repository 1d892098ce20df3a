import MailNames

/// The commands of a transaction with their parameters, as far as the server offers them.
extension SMTPClientSession {
    static func needsUTF8(_ delivery: SMTPDelivery) -> Bool {
        delivery.isInternationalized || delivery.reversePath.address?.isInternationalized == true
            || delivery.recipients.contains { $0.address.isInternationalized }
    }

    func mailCommand(_ transaction: Transaction) -> [UInt8] {
        let delivery = transaction.delivery
        var command = "MAIL FROM:\(delivery.reversePath)"
        if extensions.size != nil { command += " SIZE=\(delivery.size)" }
        switch delivery.bodyType {
        case .sevenBit: break
        // Where 8BITMIME is not offered, nobody found an octet beyond 127: the content is sent for what it is.
        case .eightBitMIME: if extensions.eightBitMIME { command += " BODY=8BITMIME" }
        case .binaryMIME: command += " BODY=BINARYMIME"
        }
        if Self.needsUTF8(delivery) { command += " SMTPUTF8" }
        if extensions.deliveryNotification {
            if let content = delivery.returnContent { command += content == .full ? " RET=FULL" : " RET=HDRS" }
            if let id = delivery.envelopeID { command += " ENVID=\(XText.encode(id))" }
        }
        command += extensions.parameters(
            for: delivery.terms,
            hasEnvelopeID: delivery.envelopeID != nil,
            isEncrypted: isEncrypted,
            now: now
        )
        if transaction.usesCheckpoint, let name = delivery.transactionID { command += " TRANSID=\(name)" }
        return Array((command + "\r\n").utf8)
    }

    func recipientCommand(_ recipient: EnvelopeRecipient, _ delivery: SMTPDelivery) -> [UInt8] {
        var command = "RCPT TO:<\(recipient.address)>"
        if extensions.deliveryNotification {
            if let notify = extensions.notify(recipient.notify, for: delivery.terms) {
                var words: [String] = []
                if notify.contains(.success) { words.append("SUCCESS") }
                if notify.contains(.failure) { words.append("FAILURE") }
                if notify.contains(.delay) { words.append("DELAY") }
                command += " NOTIFY=" + (words.isEmpty ? "NEVER" : words.joined(separator: ","))
            }
            if let original = recipient.originalRecipient {
                command += " ORCPT=\(original.addressType);\(original.encodedAddress)"
            }
        }
        if extensions.requiredOwnership, let ownership = recipient.requiredOwnership {
            command += " RRVS=\(RequiredOwnershipExtension.value(ownership))"
        }
        return Array((command + "\r\n").utf8)
    }
}
