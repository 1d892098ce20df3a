import MailBytes
import MailNames

/// The header of a message as delivery looks at it: hops and former deliveries, without making strings.
enum LocalHeader {
    /// What the header says of where the message has been.
    struct Findings {
        /// `Received` fields: RFC 5321 section 6.3.
        var hops = 0
        /// Whether a `Delivered-To` field names the address: the message came back.
        var wasDeliveredBefore = false
        /// Octets of the header, the empty line not counted.
        var length = 0
    }

    /// Looks through the header.
    ///
    /// - Parameter address: the address it is delivered to, in lower case.
    static func examine(_ content: Span<UInt8>, deliveredTo address: [UInt8]?) -> Findings {
        var findings = Findings()
        var start = 0
        while start < content.count {
            let end = content.firstIndex(of: .lineFeed, from: start) ?? content.count
            let length = end > start && content[end - 1] == .carriageReturn ? end - 1 - start : end - start
            if length == 0 { break }
            switch content[start] {
            case UInt8(ascii: "R"), UInt8(ascii: "r"):
                if content.hasField("received:", at: start, length) { findings.hops += 1 }
            case UInt8(ascii: "D"), UInt8(ascii: "d"):
                if let address, content.hasField("delivered-to:", at: start, length),
                    content.value(start + 13, start + length, equals: address)
                {
                    findings.wasDeliveredBefore = true
                }
            default: break
            }
            start = end + 1
        }
        findings.length = min(start, content.count)
        return findings
    }

    /// The fields put in front of a message that is delivered: RFC 5321 section 4.4, and Delivered-To against loops.
    static func fields(_ reversePath: ReversePath, deliveredTo address: EmailAddress) -> [UInt8] {
        Array("Return-Path: \(reversePath)\r\nDelivered-To: \(address)\r\n".utf8)
    }
}

extension Span<UInt8> {
    /// Whether a line begins with a field's name, given in lower case with its colon.
    fileprivate func hasField(_ name: StaticString, at start: Int, _ length: Int) -> Bool {
        guard length >= name.utf8CodeUnitCount else { return false }
        return name.withUTF8Buffer { name in
            for index in 0..<name.count {
                let byte = self[start + index]
                let lower = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
                if lower != name[index] { return false }
            }
            return true
        }
    }

    /// Whether a field's value, spaces around it aside and case ignored, is the given one in lower case.
    fileprivate func value(_ start: Int, _ end: Int, equals wanted: [UInt8]) -> Bool {
        var (start, end) = (start, end)
        while start < end, self[start] == .space || self[start] == .tab { start += 1 }
        while end > start, self[end - 1] == .space || self[end - 1] == .tab { end -= 1 }
        guard end - start == wanted.count else { return false }
        for index in 0..<wanted.count {
            let byte = self[start + index]
            let lower = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
            if lower != wanted[index] { return false }
        }
        return true
    }
}
