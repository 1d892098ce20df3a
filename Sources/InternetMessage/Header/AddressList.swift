import MailBytes
import MailNames

/// The mailboxes of an address list: RFC 5322 section 3.4, groups and the obsolete forms of section 4.4 included.
public enum AddressList {
    /// More mailboxes than any list that a person wrote.
    private static let limit = 10_000

    /// The addresses, in order. What is no address is passed over; `rejected` tells how often.
    public static func parse(_ text: String) -> (addresses: [EmailAddress], rejected: Int) {
        var addresses: [EmailAddress] = []
        var rejected = 0
        for item in items(Array(text.utf8)) where addresses.count < limit {
            let address = item.angle ?? item.plain
            if address.isEmpty { continue }
            if let parsed = try? EmailAddress(parsing: address.span) { addresses.append(parsed) } else { rejected += 1 }
        }
        return (addresses, rejected)
    }

    private struct Item {
        /// What stands outside of brackets, comments and white space left out.
        var plain: [UInt8] = []
        /// What stands in angle brackets, without a source route.
        var angle: [UInt8]?
    }

    private static func items(_ bytes: [UInt8]) -> [Item] {
        var items: [Item] = []
        var item = Item()
        var depth = 0
        var isQuoted = false
        var inAngle = false
        var index = 0
        func put(_ byte: UInt8) {
            if inAngle { item.angle?.append(byte) } else { item.plain.append(byte) }
        }
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if isQuoted {
                put(byte)
                if byte == .backslash, index < bytes.count {
                    put(bytes[index])
                    index += 1
                } else if byte == .quote {
                    isQuoted = false
                }
                continue
            }
            if depth > 0 {
                if byte == .backslash { index += 1 }
                if byte == .leftParenthesis { depth += 1 }
                if byte == .rightParenthesis { depth -= 1 }
                continue
            }
            switch byte {
            case .leftParenthesis: depth = 1
            case .quote:
                isQuoted = true
                put(byte)
            case .less:
                inAngle = true
                item.angle = []
            case .greater: inAngle = false
            case .colon where inAngle: item.angle = []  // What came before was a source route.
            case .colon: item = Item()  // What came before was a group's name.
            case .comma where !inAngle, .semicolon where !inAngle:
                items.append(item)
                item = Item()
            case .space, .tab, .carriageReturn, .lineFeed: continue
            default: put(byte)
            }
        }
        items.append(item)
        return items
    }
}
