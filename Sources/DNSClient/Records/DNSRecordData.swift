import MailBytes
import MailNames

/// The data of records, read from what came on the wire. Total and bounded: what is not of the type's form is `nil`.
public enum DNSRecordData {
    /// MX: RFC 1035 section 3.3.9. `host` is `nil` for the root.
    public static func mailExchanger(_ data: [UInt8]) -> (preference: UInt16, host: String?)? {
        guard data.count > 2, let name = name(data, from: 2) else { return nil }
        return (UInt16(data[0]) << 8 | UInt16(data[1]), name.isEmpty ? nil : name)
    }

    /// A and AAAA.
    public static func address(_ data: [UInt8]) -> IPAddress? { IPAddress(bytes: data) }

    /// PTR and CNAME.
    public static func name(_ data: [UInt8]) -> String? { name(data, from: 0) }

    /// TXT: RFC 1035 section 3.3.14; the strings joined, as SPF and DKIM want them.
    public static func text(_ data: [UInt8]) -> [UInt8]? {
        var joined: [UInt8] = []
        var index = 0
        while index < data.count {
            let length = Int(data[index])
            guard index + 1 + length <= data.count else { return nil }
            joined += data[(index + 1)..<(index + 1 + length)]
            index += 1 + length
        }
        return joined
    }

    /// An uncompressed name that ends the data; empty for the root.
    private static func name(_ data: [UInt8], from start: Int) -> String? {
        var labels: [String] = []
        var index = start
        while index < data.count {
            let length = Int(data[index])
            if length == 0 { return index + 1 == data.count ? labels.joined(separator: ".") : nil }
            guard length <= 63, index + 1 + length < data.count, labels.count < 128 else { return nil }
            let label = data[(index + 1)..<(index + 1 + length)]
            guard label.allSatisfy({ $0.isVisible && $0 != .dot }) else { return nil }
            labels.append(String(decoding: label, as: UTF8.self))
            index += 1 + length
        }
        return nil
    }
}
