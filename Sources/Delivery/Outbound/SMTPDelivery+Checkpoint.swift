import Crypto
import MailBytes
import MailEvents
import MailNames
import SMTPProtocol

extension SMTPDelivery {
    /// What each attempt with this content to these recipients is called, and no other: RFC 1845 section 3.
    ///
    /// The queue id names the message, and a hash of the envelope what goes of it in this transaction. `nil` where the host's name
    /// cannot stand in it.
    func identifier(of message: QueueID, at host: Domain) -> TransactionIdentifier? {
        var hash = SHA256()
        // How it is sent is in it too: an attempt with another BODY is another transaction.
        let body =
            switch bodyType {
            case .sevenBit: "7BIT"
            case .eightBitMIME: "8BITMIME"
            case .binaryMIME: "BINARYMIME"
            }
        let lines = ["\(reversePath)", "\(size)", body, isInternationalized ? "SMTPUTF8" : ""]
        for line in lines + recipients.map(\.address.description).sorted() {
            hash.update(data: Array(line.utf8))
            hash.update(data: [0])
        }
        return TransactionIdentifier(local: "\(message).\(hash.finalize().prefix(10).hexadecimal)", domain: host.ascii)
    }
}
