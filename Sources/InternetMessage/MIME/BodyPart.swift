import MailBytes

/// One entity of a message's MIME structure: RFC 2045, RFC 2046. The message itself is the outermost.
public struct BodyPart: Hashable, Sendable {
    /// `text/plain` and its parameters; what RFC 2045 section 5.2 takes for granted where the field is not there.
    public var type: ContentField
    /// Content-Transfer-Encoding in lower case; `7bit` where the field is not there.
    public var encoding: String
    public var disposition: ContentField?
    /// Content-ID with its angle brackets, Content-Description, Content-MD5 and Content-Location as they stand.
    public var id: String?
    public var description: String?
    public var digest: String?
    public var location: String?
    /// The tags of Content-Language: RFC 3282.
    public var languages: [String]
    /// Octets of the message that are the header, with the empty line at its end.
    public var header: Range<Int>
    /// Octets of the message that are the body, as encoded; without the line end that belongs to the next delimiter
    /// (RFC 2046 section 5.1.1).
    public var body: Range<Int>
    /// Line ends in the body.
    public var lines: Int
    /// The parts of a multipart, or the message in a message/rfc822.
    public var parts: [BodyPart]

    /// In lower case, `text` of `text/plain`.
    public var mainType: String { type.value.split(separator: "/", maxSplits: 1).first.map(String.init) ?? "" }
    public var subtype: String {
        type.value.split(separator: "/", maxSplits: 1).dropFirst().first.map(String.init) ?? ""
    }
    public var isMultipart: Bool { mainType == "multipart" }
    /// A message whose parts can be seen: RFC 2046 section 5.2.1, RFC 6532 section 3.7.
    public var isMessage: Bool { type.value == "message/rfc822" || type.value == "message/global" }
    /// The charset in lower case; `us-ascii` where none is given.
    public var charset: String { type.parameter("charset")?.lowercased() ?? "us-ascii" }
    /// The name of a file, from either of the fields that have one.
    public var fileName: String? { disposition?.text("filename") ?? type.text("name") }
    /// Whether it is there to be kept and not to be shown.
    public var isAttachment: Bool { disposition?.value == "attachment" }

    /// All entities, this one first, each before its parts.
    public var all: [BodyPart] { [self] + parts.flatMap(\.all) }
}

extension BodyPart {
    /// What the fields of a header say; ranges and lines are filled in by who reads the body.
    init(header fields: Span<UInt8>, at start: Int, inDigest: Bool) {
        self.init(
            type: ContentField("text/plain", parameters: [.init(name: "charset", value: "us-ascii")]),
            encoding: "7bit",
            languages: [],
            header: start..<start,
            body: start..<start,
            lines: 0,
            parts: []
        )
        if inDigest { type = ContentField("message/rfc822") }
        var hasType = false
        var hasEncoding = false
        var scanner = HeaderScanner()
        while let field = scanner.next(fields) {
            let name = fields.extracting(field.name)
            guard name.matches("Content-") else { continue }
            let value = fields.extracting(field.value)
            // The first of a kind counts: what looks at the last of several sees another message (RFC 7103 section 7.2).
            if name.equals("Content-Type"), !hasType {
                hasType = true
                type = Self.type(value)
            } else if name.equals("Content-Transfer-Encoding"), !hasEncoding {
                hasEncoding = true
                encoding = ContentField(parsing: value).value
            } else if name.equals("Content-Disposition"), disposition == nil {
                disposition = ContentField(parsing: value)
            } else if name.equals("Content-ID"), id == nil {
                id = fields.unfolded(field.value).beginning(octets: Self.fieldLimit)
            } else if name.equals("Content-Description"), description == nil {
                description = fields.unfolded(field.value).beginning(octets: Self.fieldLimit)
            } else if name.equals("Content-MD5"), digest == nil {
                digest = fields.unfolded(field.value).beginning(octets: Self.fieldLimit)
            } else if name.equals("Content-Location"), location == nil {
                location = fields.unfolded(field.value).beginning(octets: Self.fieldLimit)
            } else if name.equals("Content-Language"), languages.isEmpty {
                languages = fields.unfolded(field.value).beginning(octets: Self.fieldLimit).split(separator: ",")
                    .prefix(ContentField.parameterLimit)
                    .map { String($0.filter { !$0.isWhitespace }) }
            }
        }
        if encoding.isEmpty { encoding = "7bit" }
    }

    /// A type that nobody can understand is taken as octets where it was given, RFC 2045 section 5.2 and RFC 2046 section 4.5.1.
    private static func type(_ value: Span<UInt8>) -> ContentField {
        var type = ContentField(parsing: value)
        let halves = type.value.split(separator: "/", omittingEmptySubsequences: false)
        if halves.count == 1 && halves[0] == "text" {
            type.value = "text/plain"
        } else if halves.count != 2 || halves.contains(where: \.isEmpty) {
            type.value = type.value.isEmpty ? "text/plain" : "application/octet-stream"
        }
        return type
    }

    private init(
        type: ContentField,
        encoding: String,
        languages: [String],
        header: Range<Int>,
        body: Range<Int>,
        lines: Int,
        parts: [BodyPart]
    ) {
        self.type = type
        self.encoding = encoding
        self.disposition = nil
        self.id = nil
        self.description = nil
        self.digest = nil
        self.location = nil
        self.languages = languages
        self.header = header
        self.body = body
        self.lines = lines
        self.parts = parts
    }
}
