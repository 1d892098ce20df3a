import MailBytes

/// An input as it comes from a socket: the first octet decides where it is cut, the rest is what is said.
struct Cuts {
    let bytes: [UInt8]
    private let seed: UInt8

    init(_ input: [UInt8]) {
        seed = input.first ?? 0
        bytes = Array(input.dropFirst())
    }

    /// The pieces. A seed of 0 cuts after each octet.
    var pieces: [[UInt8]] {
        var random = SplitMix64(seed: UInt64(seed))
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let length = seed == 0 ? 1 : 1 + Int(random.next(upperBound: UInt(seed)))
            pieces.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return pieces
    }
}

/// Lines out of pieces, as the channels make them: what is longer than the limit is thrown away up to its end.
struct LineReader {
    enum Line {
        case line([UInt8])
        case tooLong
    }

    private var waiting: [UInt8] = []
    private var isSkipping = false

    mutating func append(_ piece: [UInt8]) { waiting += piece }

    /// All that has not been read as lines.
    mutating func takeRest() -> [UInt8] {
        defer { waiting = [] }
        return waiting
    }

    mutating func takeRest(atMost count: Int) -> [UInt8] {
        let part = Array(waiting.prefix(count))
        waiting.removeFirst(part.count)
        return part
    }

    mutating func next(limit: Int) -> Line? {
        guard let end = waiting.firstIndex(of: 0x0A) else {
            if waiting.count > limit + 1 {
                waiting = []
                isSkipping = true
            }
            return nil
        }
        var line = Array(waiting[..<end])
        waiting.removeFirst(end + 1)
        if line.last == 0x0D { line.removeLast() }
        if isSkipping || line.count > limit {
            isSkipping = false
            return .tooLong
        }
        return .line(line)
    }
}
