import MailBytes
import MailNames

/// The bytes of a record are not what its type wants.
struct DNSRecordSyntaxError: Error, Hashable {}

extension DNSRecord {
    /// Reads the data of one record, in which no name is compressed.
    ///
    /// Total: every sequence of octets is a record or an error. A type not known here keeps its bytes.
    init(parsing bytes: Span<UInt8>, as type: DNSRecordType) throws(DNSRecordSyntaxError) {
        var reader = RecordReader(bytes: bytes)
        switch type {
        case .a:
            self = .address(try reader.address(length: 4))
        case .aaaa:
            self = .address(try reader.address(length: 16))
        case .mx:
            let preference = try reader.number()
            self = .mailExchanger(MailExchangerRecord(preference: preference, host: try reader.name()))
        case .txt:
            self = .text(try reader.strings())
        case .cname, .ptr, .ns:
            self = .name(try reader.name())
        case .srv:
            let (priority, weight, port) = (try reader.number(), try reader.number(), try reader.number())
            self = .service(
                ServiceRecord(priority: priority, weight: weight, port: port, host: try reader.name())
            )
        case .tlsa:
            let (usage, selector, matching) = (try reader.octet(), try reader.octet(), try reader.octet())
            self = .certificate(
                CertificateAssociation(usage: usage, selector: selector, matching: matching, data: try reader.rest())
            )
        default:
            self = .other(try reader.rest())
        }
        guard reader.isAtEnd else { throw DNSRecordSyntaxError() }
    }
}

private struct RecordReader: ~Escapable {
    private let bytes: Span<UInt8>
    private var position = 0

    @_lifetime(copy bytes)
    init(bytes: Span<UInt8>) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { position == bytes.count }
}
