import MailBytes

/// The first octets of the texts that a preview may be made of: the first plain one, else the first in HTML.
struct BeginningOfText: Sendable {
    /// Characters of a preview: RFC 8970 section 3.1 allows 256, and wants 200 preferred.
    static let shown = 200
    /// Octets of a text that are kept, as encoded.
    private static let kept = 4096
    /// The same for HTML, which begins with what nobody sees.
    private static let keptHTML = 16 << 10

    private struct Sample {
        var charset: String
        var encoding: String
        var bytes: [UInt8] = []
    }

    private var plain: Sample?
    private var html: Sample?
    /// The depth of the part whose text is wanted, and which of the two it is.
    private var wantedDepth: Int?
    private var isPlainWanted = false
    private var marked = 0

    mutating func opened(_ part: BodyPart, depth: Int) {
        guard !part.isAttachment else { return }
        if part.type.value == "text/plain", plain == nil {
            plain = Sample(charset: part.charset, encoding: part.encoding)
            (wantedDepth, isPlainWanted) = (depth, true)
        } else if part.type.value == "text/html", html == nil {
            html = Sample(charset: part.charset, encoding: part.encoding)
            (wantedDepth, isPlainWanted) = (depth, false)
        }
    }

    mutating func closed(depth: Int) {
        if wantedDepth == depth { wantedDepth = nil }
    }

    /// Takes octets of the body of the part at a depth.
    mutating func append(_ bytes: Span<UInt8>, to depth: Int) {
        guard wantedDepth == depth else { return }
        let taken = bytes.extracting(..<min(bytes.count, (isPlainWanted ? Self.kept : Self.keptHTML) - count))
        if isPlainWanted { plain?.bytes.append(taken) } else { html?.bytes.append(taken) }
    }

    private var count: Int { (isPlainWanted ? plain?.bytes.count : html?.bytes.count) ?? 0 }

    /// Remembers the place where a line begins of which nobody knows yet what it is.
    mutating func mark() { marked = wantedDepth == nil ? 0 : count }

    /// Forgets what was taken since the mark: it was no text.
    mutating func rewind() {
        guard wantedDepth != nil else { return }
        let surplus = count - marked
        if isPlainWanted { plain?.bytes.removeLast(surplus) } else { html?.bytes.removeLast(surplus) }
    }

    var text: String {
        if let plain {
            let text = VisibleText.shortened(Self.decoded(plain, Self.kept), to: Self.shown)
            if !text.isEmpty { return text }
        }
        guard let html else { return "" }
        return VisibleText.shortened(VisibleText.ofHTML(Self.decoded(html, Self.keptHTML)), to: Self.shown)
    }

    private static func decoded(_ sample: Sample, _ limit: Int) -> String {
        var text = Charset.decode(
            TransferEncoding.decode(sample.bytes.span, sample.encoding).span,
            named: sample.charset
        )
        if sample.bytes.count == limit {
            // The last character may have been cut in two.
            while text.last == "\u{FFFD}" { text.removeLast() }
            _ = text.popLast()
        }
        return text
    }
}
