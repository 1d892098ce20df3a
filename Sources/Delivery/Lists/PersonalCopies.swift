import InternetMessage
import MailNames
import MailingLists
import NIOCore

/// What is different in each member's copy of a post: the reverse-path, and where the operator has a page for it, the field for
/// leaving with one click.
struct PersonalCopies {
    let reversePath: ReversePath
    /// The page's URL and the seal; `nil` where the copies differ in nothing but their paths.
    private let page: (front: String, seal: ListSeal)?
    private let list: EmailAddress?
    /// Whether the stored message has no List-Unsubscribe, because each copy was to get its own.
    private let lacksUnsubscribe: Bool

    /// - Parameters:
    ///   - content: the stored message, or its first piece.
    ///   - page: the URL in front of what names list and member; taken only where the message was stored for it.
    init(_ reversePath: ReversePath, content: ByteBuffer, page: (front: String, seal: ListSeal)?) {
        self.reversePath = reversePath
        self.list = reversePath.address.flatMap { path in
            guard let (name, role) = ListRole.parse(path.localPart.text), case .bounces = role,
                let local = try? LocalPart(text: name)
            else { return nil }
            return EmailAddress(localPart: local, host: path.host)
        }
        self.page = page
        self.lacksUnsubscribe = Self.lacksUnsubscribe(content)
    }

    /// Copies that differ in nothing but their paths.
    init(_ reversePath: ReversePath) {
        (self.reversePath, page, list, lacksUnsubscribe) = (reversePath, nil, nil, false)
    }

    /// Our fields stand in front: it is found at once where it is.
    private static func lacksUnsubscribe(_ content: ByteBuffer) -> Bool {
        let bytes = content.readableBytesUInt8Span
        var scanner = HeaderScanner()
        while let field = scanner.next(bytes) {
            if bytes.extracting(field.name).equals("List-Unsubscribe") { return false }
        }
        return true
    }

    func reversePath(for member: EmailAddress) -> ReversePath {
        guard case .address(let base) = reversePath, let own = VariableReturnPath.path(base, for: member) else {
            return reversePath
        }
        return .address(own)
    }

    /// What stands in front of the member's copy.
    func fields(for member: EmailAddress) -> [UInt8] {
        guard lacksUnsubscribe, let list else { return [] }
        let url = page.map { OneClickUnsubscription.url($0.front, list: list, member: member, seal: $0.seal) }
        return OneClickUnsubscription.fields(url, list: list)
    }

    /// The member's copy, or its first piece.
    func content(_ content: ByteBuffer, for member: EmailAddress) -> ByteBuffer {
        let fields = fields(for: member)
        guard !fields.isEmpty else { return content }
        var copy = ByteBufferAllocator().buffer(capacity: fields.count + content.readableBytes)
        copy.writeBytes(fields)
        copy.writeImmutableBuffer(content)
        return copy
    }
}
