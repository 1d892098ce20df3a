import MailBytes

/// Content-Transfer-Encoding: RFC 2045 section 6.
public enum TransferEncoding {
    /// Undoes an encoding, named in lower case. What is unknown, or broken, stays as it is.
    public static func decode(_ body: Span<UInt8>, _ encoding: String) -> [UInt8] {
        switch encoding {
        case "base64": Base64.decodeLenient(body)
        case "quoted-printable": QuotedPrintable.decode(body)
        default: body.bytes
        }
    }
}
