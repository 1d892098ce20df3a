import Glibc

/// What comes in by a descriptor, line by line and octet for octet: mail need not be text of any charset, and reading it as
/// such would change it.
public struct InputLines {
    /// A line, or a piece of one that is long.
    public struct Piece: Equatable, Sendable {
        /// With the LF at its end where it has come.
        public var octets: [UInt8]
        /// Whether the line begins with it.
        public var beginsLine: Bool

        /// Whether the line ends with it.
        public var endsLine: Bool { octets.last == 0x0A }

        /// A piece.
        public init(octets: [UInt8], beginsLine: Bool) {
            self.octets = octets
            self.beginsLine = beginsLine
        }

        /// Without CR LF, or LF alone, which is how lines end in files.
        public var line: ArraySlice<UInt8> {
            guard endsLine else { return octets[...] }
            let line = octets.dropLast()
            return line.last == 0x0D ? line.dropLast() : line
        }

        /// Whether the line is a dot alone.
        public var isDot: Bool { beginsLine && line.elementsEqual([UInt8(ascii: ".")]) }
    }

    /// Octets of a piece.
    public static let pieceLimit = 64 << 10

    private let descriptor: CInt
    private var buffer: [UInt8] = []
    private var position = 0
    private var isWithinLine = false

    /// Lines of a descriptor that stays the caller's.
    public init(descriptor: CInt) {
        self.descriptor = descriptor
    }

    /// The next piece; `nil` when there is no more, also after an error of the descriptor. Waits for it.
    public mutating func next() -> Piece? {
        var octets: [UInt8] = []
        while octets.count < Self.pieceLimit {
            guard position < buffer.count || fill() else { break }
            let end = min(buffer.count, position + Self.pieceLimit - octets.count)
            if let feed = buffer[position..<end].firstIndex(of: 0x0A) {
                octets += buffer[position...feed]
                position = feed + 1
                break
            }
            octets += buffer[position..<end]
            position = end
        }
        guard !octets.isEmpty else { return nil }
        let piece = Piece(octets: octets, beginsLine: !isWithinLine)
        isWithinLine = !piece.endsLine
        return piece
    }

    /// Up to `count` of the next octets, whatever lines they are; `nil` when there are no more.
    public mutating func nextOctets(atMost count: Int) -> [UInt8]? {
        guard count > 0, position < buffer.count || fill() else { return nil }
        let end = min(buffer.count, position + count)
        defer { position = end }
        return Array(buffer[position..<end])
    }

    private mutating func fill() -> Bool {
        position = 0
        buffer = [UInt8](unsafeUninitializedCapacity: Self.pieceLimit) { [descriptor] space, count in
            var got = read(descriptor, space.baseAddress, space.count)
            while got < 0 && errno == EINTR { got = read(descriptor, space.baseAddress, space.count) }
            count = max(0, got)
        }
        return !buffer.isEmpty
    }
}
