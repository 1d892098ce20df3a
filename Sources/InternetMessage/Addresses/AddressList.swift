import MailBytes
import MailNames

/// The mailboxes and groups of an address list: RFC 5322 section 3.4 with the obsolete forms of section 4.4, and what is
/// neither by RFC 7103 section 7.1: nothing is an error, what cannot be understood is left out.
public struct AddressList: Hashable, Sendable {
    /// More mailboxes than any list that a person wrote; those behind them are not read.
    public static let limit = 10_000

    public private(set) var items: [AddressListItem] = []
    private var count = 0

    /// Reads a field's value, folded or not.
    public init(parsing bytes: Span<UInt8>) {
        var tokens = AddressTokens()
        var reading = Reading()
        var group: (name: String, members: [Mailbox])?
        while count < Self.limit, let token = tokens.next(bytes) {
            switch token.kind {
            case .comma, .semicolon:
                if let mailbox = reading.mailbox() {
                    count += 1
                    if group == nil { items.append(.mailbox(mailbox)) } else { group?.members.append(mailbox) }
                }
                reading = Reading()
                if token.kind == .semicolon, let ended = group {
                    items.append(.group(name: ended.name, members: ended.members))
                    group = nil
                }
            case .colon where !reading.isInAngle && group == nil:
                group = (reading.phrase(), [])
                reading = Reading()
            default:
                reading.take(token)
            }
        }
        if let mailbox = reading.mailbox(), count < Self.limit {
            if group == nil { items.append(.mailbox(mailbox)) } else { group?.members.append(mailbox) }
        }
        if let group { items.append(.group(name: group.name, members: group.members)) }
    }

    public init(parsing text: String) {
        let bytes = Array(text.utf8)
        self.init(parsing: bytes.span)
    }

    /// All mailboxes in order, those of groups included.
    public var mailboxes: [Mailbox] {
        items.flatMap { item in
            switch item {
            case .mailbox(let mailbox): [mailbox]
            case .group(_, let members): members
            }
        }
    }

    /// The addresses that mail can be sent to, in order.
    public var addresses: [EmailAddress] { mailboxes.compactMap(\.address) }

    /// What has been read of one mailbox.
    private struct Reading {
        private var before: [AddressTokens.Token] = []
        private var inside: [AddressTokens.Token] = []
        private var hasAngle = false
        private(set) var isInAngle = false

        mutating func take(_ token: AddressTokens.Token) {
            switch token.kind {
            case .less:
                isInAngle = true
                hasAngle = true
                inside.removeAll()
            case .greater: isInAngle = false
            case .colon: inside.removeAll()  // What came before was a source route, RFC 5322 section 4.4.
            default:
                if isInAngle {
                    inside.append(token)
                } else if !hasAngle || token.kind == .comment {
                    before.append(token)
                }
            }
        }

        /// The words for people, as they are meant.
        func phrase() -> String {
            var text = EncodedWords.Joiner()
            for token in before {
                switch token.kind {
                case .atom: text.append(token.text, isEncodable: true, spaceBefore: token.spaceBefore)
                case .quoted: text.append(token.text, isEncodable: false, spaceBefore: token.spaceBefore)
                case .dot: text.append([.dot], isEncodable: false, spaceBefore: token.spaceBefore)
                case .at: text.append([.at], isEncodable: false, spaceBefore: token.spaceBefore)
                default: continue
                }
            }
            return text.finish()
        }

        func mailbox() -> Mailbox? {
            if hasAngle {
                guard let found = address(inside) else { return nil }
                let name = phrase()
                return Mailbox(displayName: name.isEmpty ? nil : name, localPart: found.local, domain: found.domain)
            }
            guard let found = address(before) else { return nil }
            // The name in a comment is older than the one in front: RFC 822.
            let comment = before.last { $0.kind == .comment }
            let name = comment.map { EncodedWords.decode($0.text.span) } ?? ""
            return Mailbox(displayName: name.isEmpty ? nil : name, localPart: found.local, domain: found.domain)
        }

        private func address(_ tokens: [AddressTokens.Token]) -> (local: String, domain: String)? {
            let tokens = tokens.filter { $0.kind != .comment }
            let at = tokens.lastIndex { $0.kind == .at }
            let local = Self.joined(tokens[..<(at ?? tokens.count)])
            let domain = at.map { Self.joined(tokens[($0 + 1)...]) } ?? ""
            return local.isEmpty && domain.isEmpty ? nil : (local, domain)
        }

        private static func joined(_ tokens: ArraySlice<AddressTokens.Token>) -> String {
            var bytes: [UInt8] = []
            for token in tokens {
                switch token.kind {
                case .dot: bytes.append(.dot)
                case .at: bytes.append(.at)
                default: bytes += token.text
                }
            }
            return RawText.decode(bytes.span)
        }
    }
}
