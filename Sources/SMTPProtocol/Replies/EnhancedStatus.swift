/// A status code of RFC 3463: class, subject, detail.
public struct EnhancedStatus: Hashable, Sendable {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    public let category: UInt8
    public let subject: UInt16
    public let detail: UInt16

    public init(_ category: UInt8, _ subject: UInt16, _ detail: UInt16) {
        self.category = category
        self.subject = subject
        self.detail = detail
    }

    /// Reads `5.1.1` at the start of a reply's text; `nil` when something else stands there.
    public init?(leading text: Substring) {
        let word = text.prefix { $0 != " " }
        let parts = word.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].count == 1, let category = UInt8(parts[0]), [2, 4, 5].contains(category),
            (1...3).contains(parts[1].count), (1...3).contains(parts[2].count),
            let subject = UInt16(parts[1]), let detail = UInt16(parts[2])
        else { return nil }
        self.init(category, subject, detail)
    }
}

extension EnhancedStatus: CustomStringConvertible {
    public var description: String { "\(category).\(subject).\(detail)" }
}
