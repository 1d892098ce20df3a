import MailBytes

/// A message made such that every host takes it: octets beyond ASCII are encoded, part by part: RFC 6152 section 3.
///
/// Text becomes quoted-printable, everything else base64. Nothing of the message is kept but a few places for each part.
public struct SevenBitConversion: Sendable {
    /// Why a message stays as it is.
    public enum Refusal: Error, Hashable, Sendable {
        /// DKIM, ARC or a multipart/signed vouches for the octets as they are.
        case signed
        /// A header has octets beyond ASCII, which no encoding mends.
        case internationalHeader
        /// A part that may not be encoded, such as a message within, has octets that would have to be.
        case fixedPart
    }

    /// What happens to a range of the message's octets.
    private enum Change: Sendable {
        /// The octets are replaced; where the range is empty, put in.
        case replace([UInt8])
        case quotedPrintable
        case base64
        /// Octets beyond ASCII become `?`: text around parts, which nobody sees (RFC 2046 section 5.1.1).
        case mask
    }

    private var changes: [(place: Range<Int>, change: Change)] = []
    private var next = 0
    /// The change whose octets were put in last.
    private var written = -1
    private var position = 0
    private let length: Int
    private var quoting = QuotedPrintableEncoder()
    private var grouping = Base64LineEncoder()

    /// The conversion of a message that was surveyed to its end.
    ///
    /// - Parameter breaksSignatures: whether a message signed by DKIM or ARC is converted all the same. What is in a
    ///   multipart/signed never is.
    public init(_ survey: SevenBitSurvey, breaksSignatures: Bool = false) throws(Refusal) {
        length = survey.length
        if survey.hasInternationalHeader { throw .internationalHeader }
        guard survey.needsConversion else { return }
        if survey.isSigned && !breaksSignatures { throw .signed }
        let encoded = survey.leaves.filter(\.needsEncoding)
        for leaf in encoded where leaf.isFixed {
            throw Self.isInSigned(leaf.part, survey.structure) ? .signed : .fixedPart
        }
        for (index, entity) in survey.entities.enumerated() {
            let leaf = encoded.first { $0.part.header == entity.header && entity.parts.isEmpty }
            let declared = survey.encodings[index]
            let value: StaticString?
            if let leaf {
                value = leaf.isText ? "quoted-printable" : "base64"
            } else if declared != nil, entity.encoding == "8bit" || entity.encoding == "binary" {
                value = "7bit"
            } else {
                value = nil
            }
            guard let value else { continue }
            var field: [UInt8] = []
            if index == 0 && !survey.hasVersion { field.append("MIME-Version: 1.0\r\n") }
            // What has no MIME header is text in nobody knows which charset: RFC 1428.
            if index == 0 && !survey.hasType && leaf != nil {
                field.append("Content-Type: text/plain; charset=unknown-8bit\r\n")
            }
            field.append("Content-Transfer-Encoding: ")
            field.append(value)
            field.append("\r\n")
            // In front of what is there already, so that the end of the header need not be looked for.
            let place = declared ?? entity.header.lowerBound..<entity.header.lowerBound
            changes.append((place, .replace(field)))
        }
        for leaf in encoded {
            changes.append((leaf.part.body, leaf.isText ? .quotedPrintable : .base64))
        }
        changes.sort { $0.place.lowerBound < $1.place.lowerBound }
        maskTheRest(survey)
    }

    private static func isInSigned(_ part: BodyPart, _ whole: BodyPart) -> Bool {
        whole.all.contains { $0.type.value == "multipart/signed" && $0.body.contains(part.header.lowerBound) }
    }

    /// What is neither header nor leaf is masked.
    private mutating func maskTheRest(_ survey: SevenBitSurvey) {
        guard survey.hasStrayOctets else { return }
        var known = survey.entities.map(\.header) + survey.leaves.map { $0.part.body }
        known.sort { $0.lowerBound < $1.lowerBound }
        var start = 0
        for range in known + [length..<length] {
            if range.lowerBound > start { changes.append((start..<range.lowerBound, .mask)) }
            start = max(start, range.upperBound)
        }
        changes.sort { $0.place.lowerBound < $1.place.lowerBound }
    }

    // MARK: Writing

    /// Takes the message's next octets, the first time from its beginning, and appends what becomes of them.
    public mutating func convert(_ bytes: Span<UInt8>, into output: inout [UInt8]) {
        var index = 0
        while true {
            if next < changes.count, position == changes[next].place.lowerBound,
                case .replace(let field) = changes[next].change, written != next
            {
                output += field
                written = next
                if changes[next].place.isEmpty {
                    next += 1
                    continue
                }
            }
            guard index < bytes.count else { return }
            guard next < changes.count, changes[next].place.lowerBound <= position else {
                let end = next < changes.count ? changes[next].place.lowerBound - position : Int.max
                let count = min(bytes.count - index, end)
                output.append(bytes.extracting(index..<(index + count)))
                (index, position) = (index + count, position + count)
                continue
            }
            let (place, change) = changes[next]
            let count = min(bytes.count - index, place.upperBound - position)
            let part = bytes.extracting(index..<(index + count))
            (index, position) = (index + count, position + count)
            let isLast = position == place.upperBound
            switch change {
            case .replace: break
            case .quotedPrintable:
                quoting.encode(part, into: &output)
                if isLast { quoting.finish(into: &output) }
            case .base64:
                grouping.encode(part, into: &output)
                // The line end of a part is its delimiter's; the message's own is not there yet.
                if isLast { grouping.finish(into: &output, endsLine: position == length) }
            case .mask:
                for offset in 0..<part.count {
                    let isPlain = part[offset] < 0x80 && part[offset] != 0
                    output.append(isPlain ? part[offset] : UInt8(ascii: "?"))
                }
            }
            if isLast { next += 1 }
        }
    }
}
