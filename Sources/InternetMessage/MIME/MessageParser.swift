import MailBytes

/// Finds a message's MIME structure while the message goes by, piece after piece: RFC 2046 section 5.1, and the malformed by
/// RFC 7103 section 7.
///
/// It keeps the header of the part it is in and the beginnings of texts, never a body. Nothing is an error: what cannot be
/// taken apart is one part.
public struct MessageParser: Sendable {
    /// Multiparts and messages inside each other; what is deeper is not taken apart.
    public static let depthLimit = 50
    /// Parts; what lies behind them belongs to the last.
    public static let partLimit = 1000
    /// Octets of a header that are read; what lies behind them belongs to it and says nothing.
    public static let headerLimit = 64 << 10
    /// Octets of what the parts say of themselves. Of parts behind it nothing is kept but the type and the encoding, of which
    /// `partLimit` times some hundred octets are the most.
    public static let structureLimit = 256 << 10
    /// Octets of a delimiter line that are compared: RFC 2046 section 5.1.1 allows 70 of the boundary itself.
    private static let boundaryLimit = 250

    /// An entity whose body is still coming.
    private struct Open {
        var part: BodyPart
        /// Of a multipart whose closing delimiter has not come.
        var boundary: [UInt8]?
        var isDigest: Bool
        /// Line ends seen when its body began.
        var linesBefore: Int
    }

    private enum State {
        case header
        case body
    }

    private var state = State.header
    private var open: [Open] = []
    private var count = 0
    /// Octets of what the parts so far say of themselves.
    private var kept = 0
    private var header: [UInt8] = []
    private var headerStart = 0
    /// Where the next octet stands in the message.
    private var position = 0
    private var lineStart = 0
    /// The beginning of a line of which the rest has not come.
    private var partial: [UInt8] = []
    private var lines = 0
    /// Octets of the line end before this line.
    private var lineEnd = 0
    private var lastByte: UInt8 = 0
    private var beginning = BeginningOfText()

    public init() {}

    /// Takes the next octets.
    public mutating func consume(_ bytes: Span<UInt8>) {
        var start = 0
        while start < bytes.count {
            guard let feed = bytes.firstIndex(of: .lineFeed, from: start) else {
                keep(bytes.extracting(start..<bytes.count))
                break
            }
            let line = bytes.extracting(start..<(feed + 1))
            if position == lineStart {
                take(line)
            } else {
                keep(line)
                let kept = partial
                take(kept.span, isKept: true)
            }
            start = feed + 1
            partial.removeAll(keepingCapacity: true)
        }
    }

    /// The structure, with the parts that nobody ended ended here.
    public mutating func finish() -> ParsedMessage {
        if position > lineStart {
            let kept = partial
            take(kept.span, isKept: true, isUnended: true)
        }
        while state == .header { endHeader(at: position) }
        while open.count > 1 { pop(at: position, lines: lines) }
        pop(at: position, lines: lines)
        guard let whole else { preconditionFailure("the outermost part was opened above") }
        return ParsedMessage(structure: whole, beginning: beginning)
    }

    private var whole: BodyPart?

    // MARK: Lines

    /// Keeps what may be needed of a line that comes in pieces; all of it counts.
    private mutating func keep(_ bytes: Span<UInt8>) {
        position += bytes.count
        let limit = state == .header ? Self.headerLimit : Self.boundaryLimit
        if partial.isEmpty { beginning.mark() }
        if partial.count < limit { partial.append(bytes.extracting(..<min(bytes.count, limit - partial.count))) }
        if state == .body { beginning.append(bytes, to: open.count) }
        let last = bytes[bytes.count - 1]
        if last != .lineFeed {
            lastByte = last
        } else if bytes.count > 1 {
            lastByte = bytes[bytes.count - 2]
        }
    }

    /// One line with its end, or as much of it as was kept.
    private mutating func take(_ line: Span<UInt8>, isKept: Bool = false, isUnended: Bool = false) {
        if !isKept {
            position += line.count
            lastByte = line.count > 1 ? line[line.count - 2] : 0
        }
        defer {
            lineStart = position
            if !isUnended { lines += 1 }
            lineEnd = isUnended ? 0 : (lastByte == .carriageReturn ? 2 : 1)
            lastByte = 0
        }
        if line.count > 1, line[0] == .hyphen, line[1] == .hyphen, let depth = delimited(line) {
            if isKept { beginning.rewind() }
            delimit(line, depth)
            return
        }
        switch state {
        case .header: takeHeader(line)
        case .body:
            if !isKept { beginning.append(line, to: open.count) }
        }
    }

    private mutating func takeHeader(_ line: Span<UInt8>) {
        let isEmpty = line[0] == .lineFeed || (line.count > 1 && line[0] == .carriageReturn && line[1] == .lineFeed)
        if isEmpty {
            endHeader(at: position)
        } else if line[0].isWhitespace && !header.isEmpty || Self.isField(line)
            || (header.isEmpty && HeaderScanner.isMailboxLine(line))
        {
            if header.count < Self.headerLimit {
                header.append(line.extracting(..<min(line.count, Self.headerLimit - header.count)))
            }
        } else {
            // What is no field ends the header as the empty line would: RFC 7103 section 7.1.4.
            endHeader(at: lineStart)
            if state == .header {
                takeHeader(line)
            } else {
                beginning.append(line, to: open.count)
            }
        }
    }

    private static func isField(_ line: Span<UInt8>) -> Bool {
        var index = 0
        while index < line.count, line[index].isVisible, line[index] != .colon { index += 1 }
        guard index > 0 else { return false }
        while index < line.count, line[index].isWhitespace { index += 1 }
        return index < line.count && line[index] == .colon
    }

    // MARK: Parts

    private mutating func endHeader(at end: Int) {
        var part = BodyPart(header: header.span, at: headerStart, inDigest: open.last?.isDigest ?? false)
        header.removeAll(keepingCapacity: true)
        part.header = headerStart..<end
        part.body = end..<end
        push(part)
    }

    private mutating func push(_ part: BodyPart) {
        count += 1
        state = .body
        let isOpened = open.count < Self.depthLimit && count < Self.partLimit
        var entry = Open(part: part, isDigest: false, linesBefore: lines + (position > lineStart ? 1 : 0))
        if part.body.lowerBound == lineStart { entry.linesBefore = lines }
        if isOpened && part.isMultipart {
            let boundary = (part.type.parameter("boundary") ?? "").utf8
            if !boundary.isEmpty && boundary.count < Self.boundaryLimit - 4 { entry.boundary = Array(boundary) }
            entry.isDigest = part.subtype == "digest"
        }
        kept += part.textOctets
        if kept > Self.structureLimit { entry.part = part.bare }
        open.append(entry)
        beginning.opened(part, depth: open.count)
        // RFC 2046 section 5.2.1: no other encodings are allowed.
        if isOpened && part.isMessage && ["7bit", "8bit", "binary"].contains(part.encoding) {
            state = .header
            headerStart = part.body.lowerBound
        }
    }

    /// The innermost entity is complete.
    private mutating func pop(at end: Int, lines: Int) {
        guard var entry = open.popLast() else { return }
        let start = entry.part.body.lowerBound
        // An empty part keeps the line end of its header, which then is not the delimiter's, and so do those around it.
        let inner = entry.part.parts.last?.body.upperBound ?? start
        entry.part.body = start..<max(start, end, inner)
        entry.part.lines =
            max(start, inner, end) == start ? 0 : max(0, (inner > end ? self.lines : lines) - entry.linesBefore)
        beginning.closed(depth: open.count + 1)
        if open.isEmpty { whole = entry.part } else { open[open.count - 1].part.parts.append(entry.part) }
    }

    /// The multipart whose delimiter the line is: the longest boundary that the line begins with (RFC 2046 section 5.1.2),
    /// the inner one of two that are the same.
    private func delimited(_ line: Span<UInt8>) -> Int? {
        var found: Int?
        var length = 0
        for depth in open.indices.reversed() {
            guard let boundary = open[depth].boundary, boundary.count > length, line.count >= boundary.count + 2 else {
                continue
            }
            var isSame = true
            for index in boundary.indices where line[index + 2] != boundary[index] {
                isSame = false
                break
            }
            if isSame {
                found = depth
                length = boundary.count
            }
        }
        return found
    }

    private mutating func delimit(_ line: Span<UInt8>, _ depth: Int) {
        guard let boundary = open[depth].boundary else { return }
        let end = max(0, lineStart - lineEnd)
        while state == .header { endHeader(at: lineStart) }
        while open.count > depth + 1 { pop(at: end, lines: lines - (lineEnd > 0 ? 1 : 0)) }
        let behind = boundary.count + 2
        let isLast = line.count >= behind + 2 && line[behind] == .hyphen && line[behind + 1] == .hyphen
        if isLast {
            open[depth].boundary = nil
            state = .body
        } else if count < Self.partLimit {
            state = .header
            headerStart = position
        } else {
            // One more than are counted: nothing in it is looked at.
            open[depth].boundary = nil
            state = .body
        }
    }
}

/// What a message consists of.
public struct ParsedMessage: Sendable {
    public let structure: BodyPart
    private let beginning: BeginningOfText

    init(structure: BodyPart, beginning: BeginningOfText) {
        self.structure = structure
        self.beginning = beginning
    }

    /// The beginning of what a reader would see first, at most `BeginningOfText.shown` characters: RFC 8970.
    public var preview: String { beginning.text }
}
