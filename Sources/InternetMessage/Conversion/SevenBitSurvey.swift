import MailBytes

/// What stands in the way of a message where octets beyond ASCII are not taken, found while it goes by a second time, its MIME
/// structure being known.
///
/// It keeps places, never content: at most a few for each of the structure's parts.
public struct SevenBitSurvey: Sendable {
    /// What a leaf of the structure needs.
    struct Leaf: Sendable {
        var part: BodyPart
        var isText: Bool
        /// It has octets beyond ASCII, or what no line of SMTP may have: NUL, a CR or LF alone, more than 998 octets.
        var needsEncoding = false
        /// Nothing may be changed in it: it is signed, or cannot be encoded.
        var isFixed: Bool
    }

    /// Octets of a line's beginning that are kept to see which field it is.
    private static let nameLimit = 80

    let structure: BodyPart
    private(set) var leaves: [Leaf] = []
    /// Entities in the order of their headers, those with parts too.
    let entities: [BodyPart]
    /// Where Content-Transfer-Encoding stands in each entity's header.
    private(set) var encodings: [Range<Int>?]
    private(set) var hasVersion = false
    private(set) var hasType = false
    /// DKIM or ARC vouches for the message as it is: RFC 6376, RFC 8617.
    public private(set) var isSigned = false
    /// A header has octets beyond ASCII: RFC 6532.
    public private(set) var hasInternationalHeader = false
    public private(set) var length = 0
    private(set) var hasStrayOctets = false

    private var entity = 0
    private var leaf = 0
    private var line: [UInt8] = []
    private var lineStart = 0
    private var field: Int?
    private var column = 0
    private var last: UInt8 = 0

    /// A survey of a message whose structure was found by `MessageParser`.
    public init(_ structure: BodyPart) {
        self.structure = structure
        entities = structure.all
        encodings = Array(repeating: nil, count: entities.count)
        collect(structure, isFixed: false)
    }

    private mutating func collect(_ part: BodyPart, isFixed: Bool) {
        let isSignedPart = part.type.value == "multipart/signed"
        if part.parts.isEmpty {
            // Multiparts and messages may not be encoded: RFC 2045 section 6.4. Nor is what is encoded encoded again.
            let cannot =
                part.isMultipart || part.mainType == "message" || !["7bit", "8bit", "binary"].contains(part.encoding)
            leaves.append(Leaf(part: part, isText: part.mainType == "text", isFixed: isFixed || cannot))
        }
        for inner in part.parts { collect(inner, isFixed: isFixed || isSignedPart) }
    }

    /// Whether anything has to be changed for a host without 8BITMIME.
    public var needsConversion: Bool { hasStrayOctets || leaves.contains(where: \.needsEncoding) }

    // MARK: Reading

    /// Takes the next octets.
    public mutating func consume(_ bytes: Span<UInt8>) {
        for index in 0..<bytes.count { take(bytes[index]) }
    }

    private mutating func take(_ byte: UInt8) {
        let place = length
        length += 1
        while entity < entities.count, place >= entities[entity].header.upperBound { nextEntity() }
        if entity < entities.count, entities[entity].header.contains(place) {
            takeHeader(byte, place)
            return
        }
        while leaf < leaves.count, place >= leaves[leaf].part.body.upperBound { nextLeaf() }
        guard leaf < leaves.count, leaves[leaf].part.body.contains(place) else {
            if byte >= 0x80 || byte == 0 { hasStrayOctets = true }
            return
        }
        if place == leaves[leaf].part.body.lowerBound { (column, last) = (0, 0) }
        if byte >= 0x80 || byte == 0 || (last == .carriageReturn) != (byte == .lineFeed) {
            leaves[leaf].needsEncoding = true
        }
        column = byte == .lineFeed ? 0 : column + 1
        // The CR counts too.
        if column > 999 { leaves[leaf].needsEncoding = true }
        last = byte
    }

    private mutating func nextEntity() {
        endLine(entities[entity].header.upperBound)
        field = nil
        entity += 1
    }

    private mutating func nextLeaf() {
        if last == .carriageReturn { leaves[leaf].needsEncoding = true }
        (column, last) = (0, 0)
        leaf += 1
    }

    /// The message is over.
    public mutating func finish() {
        while entity < entities.count { nextEntity() }
        if leaf < leaves.count { nextLeaf() }
    }

    private mutating func takeHeader(_ byte: UInt8, _ place: Int) {
        if byte >= 0x80 { hasInternationalHeader = true }
        if place == entities[entity].header.lowerBound { (line, lineStart) = ([], place) }
        if line.count < Self.nameLimit { line.append(byte) }
        if byte == .lineFeed { endLine(place + 1) }
    }

    private mutating func endLine(_ end: Int) {
        defer { (line, lineStart) = ([], end) }
        guard let first = line.first else { return }
        if first.isWhitespace {
            if let field, let range = encodings[field] { encodings[field] = range.lowerBound..<end }
            return
        }
        field = nil
        let name = line.prefix { $0 != .colon && !$0.isWhitespace }.map(\.asciiLowercased)
        switch String(decoding: name, as: UTF8.self) {
        case "content-transfer-encoding":
            guard encodings[entity] == nil else { return }
            encodings[entity] = lineStart..<end
            field = entity
        case "mime-version": if entity == 0 { hasVersion = true }
        case "content-type": if entity == 0 { hasType = true }
        case "dkim-signature", "arc-message-signature": if entity == 0 { isSigned = true }
        default: break
        }
    }
}
