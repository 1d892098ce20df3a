import MailBytes
import MailNames

/// The Received field that this host puts in front: RFC 5321 section 4.4, with the keywords of RFC 3848.
public struct ReceivedField: Sendable {
    /// What the client called itself; `nil` when it did not say.
    public var helo: String?
    public var peer: IPAddress?
    /// Our own name.
    public var host: String
    /// `ESMTPSA` and its kin.
    public var transmissionType: String
    public var queueName: String?
    /// `TLSv1.3`; `nil` in clear.
    public var tls: String?
    /// The only recipient; with several it would tell each of the others.
    public var recipient: EmailAddress?
    /// MT-PRIORITY, where it was asked for: RFC 6710 section 4.1.
    public var priority: MessagePriority?
    /// SOLICIT, where it was said: RFC 3865 section 2.6.
    public var solicitation: String?
    public var time: Timestamp

    public init(
        helo: String?,
        peer: IPAddress?,
        host: String,
        transmissionType: String,
        queueName: String? = nil,
        tls: String? = nil,
        recipient: EmailAddress? = nil,
        time: Timestamp
    ) {
        self.helo = helo
        self.peer = peer
        self.host = host
        self.transmissionType = transmissionType
        self.queueName = queueName
        self.tls = tls
        self.recipient = recipient
        self.time = time
    }

    /// The field with its CR LF, folded. What the client said cannot break out of it.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256)
        bytes.append("Received: from ")
        Self.append(helo ?? "unknown", to: &bytes)
        if let peer {
            bytes.append(" (")
            bytes.append(contentsOf: AddressLiteral(peer).description.utf8)
            bytes.append(")")
        }
        bytes.append("\r\n\tby ")
        bytes.append(contentsOf: host.utf8)
        bytes.append(" (Martlet) with ")
        bytes.append(contentsOf: transmissionType.utf8)
        if let tls {
            bytes.append(" (")
            bytes.append(contentsOf: tls.utf8)
            bytes.append(")")
        }
        if let solicitation {
            bytes.append(" (SOLICIT=")
            bytes.append(contentsOf: solicitation.utf8)
            bytes.append(")")
        }
        if let priority {
            bytes.append("\r\n\tpriority ")
            bytes.append(decimal: Int(priority.rawValue))
        }
        if let queueName {
            bytes.append(" id ")
            bytes.append(contentsOf: queueName.utf8)
        }
        if let recipient {
            bytes.append("\r\n\tfor <")
            bytes.append(contentsOf: recipient.description.utf8)
            bytes.append(.greater)
        }
        bytes.append(";\r\n\t")
        bytes.append(contentsOf: time.internetDateBytes)
        bytes.append("\r\n")
        return bytes
    }

    /// What a client called itself may be anything: what no name or literal has becomes `?`.
    private static func append(_ name: String, to bytes: inout [UInt8]) {
        for byte in name.utf8.prefix(255) {
            let isPlain = byte.isASCIIAlphanumeric || byte >= 0x80 || ".-_:[]".utf8.contains(byte)
            bytes.append(isPlain ? byte : UInt8(ascii: "?"))
        }
    }
}
