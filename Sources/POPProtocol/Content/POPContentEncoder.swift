import MailBytes

/// Byte-stuffing of a message as it is sent: RFC 1939 section 3; with the cut of `TOP`: section 7.
///
/// Looks through a chunk at the speed of a search for LF and gives back *ranges* of it, each with what is to be
/// written after; the caller copies slices. A message cut into chunks anywhere gives the same octets.
///
/// Deviation: messages are kept with CR LF; a bare LF, which an import may have brought in, is sent as CR LF, because
/// a client that looks for CR LF `.` CR LF would else not find the lines. A bare CR is sent as it is.
public struct POPContentEncoder: Equatable, Sendable {
    /// What follows a range.
    public enum Insertion: Hashable, Sendable {
        /// Nothing: the range ends with the chunk, or with the last line that `TOP` wants.
        case nothing
        /// A CR that a bare LF lacks.
        case carriageReturn
        /// A second dot.
        case dot
    }

    /// A range of the chunk to be written, then `insertion`.
    public struct Piece: Hashable, Sendable {
        /// May be empty.
        public let range: Range<Int>
        /// Written after the range.
        public let insertion: Insertion

        /// A piece.
        public init(range: Range<Int>, insertion: Insertion) {
            self.range = range
            self.insertion = insertion
        }
    }

    private enum Section: Equatable, Sendable {
        /// Everything is wanted.
        case whole
        /// `TOP`, in the header section; the number of body lines wanted.
        case header(bodyLines: Int)
        /// `TOP`, in the body; the number of lines still wanted.
        case body(Int)
        /// `TOP` has its lines.
        case cut
    }

    private var section: Section
    /// Octets of the current line, its CR included; counted up to 2, enough to know an empty line.
    private var lineOctets = 0
    private var lastIsCR = false

    /// An encoder for one message: all of it, or the header section and `lines` lines of the body.
    public init(top lines: Int? = nil) {
        self.section = lines.map { .header(bodyLines: $0) } ?? .whole
    }

    /// Whether `TOP` has all its lines: the rest of the message need not be read.
    public var isCut: Bool {
        if case .cut = self.section { true } else { false }
    }

    /// The next piece of a chunk, from `offset` on; the caller goes on where the piece's range ends. `nil` when the
    /// chunk is done, or the rest of it is not wanted.
    public mutating func nextPiece(of chunk: Span<UInt8>, from offset: Int) -> Piece? {
        guard offset < chunk.count, !self.isCut else { return nil }
        var position = offset
        while position < chunk.count {
            if self.lineOctets == 0, chunk[position] == UInt8(ascii: ".") {
                self.lineOctets = 1
                return Piece(range: offset..<position + 1, insertion: .dot)
            }
            guard let feed = chunk.firstIndex(of: 0x0A, from: position) else {
                self.lineOctets = min(self.lineOctets + chunk.count - position, 2)
                self.lastIsCR = chunk[chunk.count - 1] == 0x0D
                break
            }
            let octets = min(self.lineOctets + feed - position, 2)
            guard feed > position ? chunk[feed - 1] == 0x0D : self.lastIsCR else {
                // The LF is looked at again by the next call, which then finds its CR.
                self.lineOctets = min(octets + 1, 2)
                self.lastIsCR = true
                return Piece(range: offset..<feed, insertion: .carriageReturn)
            }
            self.lineOctets = 0
            self.lastIsCR = false
            position = feed + 1
            self.lineEnded(isEmpty: octets == 1)
            if self.isCut { return Piece(range: offset..<position, insertion: .nothing) }
        }
        return Piece(range: offset..<chunk.count, insertion: .nothing)
    }

    /// The message is over: what ends it on the wire, with a CR LF before where the last line has none.
    public var termination: [UInt8] {
        self.lineOctets == 0 ? Array(".\r\n".utf8) : Array("\r\n.\r\n".utf8)
    }

    /// Encodes a chunk by copying: for what is small, and for tests.
    public mutating func encode(_ chunk: Span<UInt8>, into octets: inout [UInt8]) {
        var offset = 0
        while let piece = self.nextPiece(of: chunk, from: offset) {
            for index in piece.range { octets.append(chunk[index]) }
            switch piece.insertion {
            case .nothing: break
            case .carriageReturn: octets.append(0x0D)
            case .dot: octets.append(UInt8(ascii: "."))
            }
            offset = piece.range.upperBound
        }
    }

    private mutating func lineEnded(isEmpty: Bool) {
        switch self.section {
        case .header(let lines) where isEmpty: self.section = lines == 0 ? .cut : .body(lines)
        case .body(let lines): self.section = lines == 1 ? .cut : .body(lines - 1)
        case .whole, .header, .cut: break
        }
    }
}
