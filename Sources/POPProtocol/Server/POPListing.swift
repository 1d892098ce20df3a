/// A scan listing or a unique-id listing on its way: RFC 1939 sections 5 and 7. Made in chunks, so that a maildrop of a
/// hundred thousand messages never has its listing in memory whole.
struct POPListing {
    enum Kind {
        case sizes
        case uniqueIDs

        func line(_ number: POPMessageNumber, _ message: POPMaildrop.Message) -> String {
            switch self {
            case .sizes: "\(number) \(message.size)"
            case .uniqueIDs: "\(number) \(message.uniqueID)"
            }
        }
    }

    private let kind: Kind
    private var position = 0
    private var isOver = false

    init(_ kind: Kind) { self.kind = kind }

    /// The next lines, until they are `octets` or more or the listing is over; `nil` after the termination octet.
    mutating func next(of maildrop: borrowing POPMaildrop, atLeast octets: Int) -> [UInt8]? {
        guard !self.isOver else { return nil }
        var chunk: [UInt8] = []
        while chunk.count < octets {
            guard let position = maildrop.remaining(from: self.position) else {
                chunk.append(contentsOf: ".\r\n".utf8)
                self.isOver = true
                return chunk
            }
            let number = POPMessageNumber(position: position)
            chunk.append(contentsOf: self.kind.line(number, maildrop.messages[position]).utf8)
            chunk.append(contentsOf: "\r\n".utf8)
            self.position = position + 1
        }
        return chunk
    }
}
