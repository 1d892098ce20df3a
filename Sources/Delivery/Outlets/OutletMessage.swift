import Directory
import MailBytes
import MailNames
import MailStore
import NIOCore

/// A message for a file or command that an alias leads to.
struct OutletMessage: Sendable {
    var outlet: AliasTarget
    /// The alias's address.
    var recipient: EmailAddress
    var reversePath: ReversePath
    var content: LocalContent
    var received: Timestamp

    /// Gives the message piece by piece, lines ending in LF as programs on this machine have them.
    func forEachPiece(_ body: (ByteBuffer) throws -> Void) throws {
        var lines = UnixLines()
        switch content {
        case .whole(let prefix, let whole):
            try body(lines.convert(ByteBuffer(bytes: prefix)))
            try body(lines.convert(whole))
        case .pieces(let prefix, let count, let read):
            try body(lines.convert(ByteBuffer(bytes: prefix)))
            for index in 0..<count { try body(lines.convert(try read(index))) }
        }
        if lines.endsInCarriageReturn { try body(ByteBuffer(integer: UInt8.carriageReturn)) }
    }
}

/// Makes LF of CR LF, also where the two come in different pieces.
struct UnixLines {
    private(set) var endsInCarriageReturn = false

    mutating func convert(_ piece: ByteBuffer) -> ByteBuffer {
        var converted = ByteBuffer()
        converted.reserveCapacity(piece.readableBytes + 1)
        piece.withUnsafeReadableBytes { octets in
            var start = 0
            for index in 0..<octets.count {
                let octet = octets[index]
                if endsInCarriageReturn {
                    if octet != .lineFeed { converted.writeInteger(UInt8.carriageReturn) }
                    endsInCarriageReturn = false
                }
                if octet == .carriageReturn {
                    converted.writeBytes(UnsafeRawBufferPointer(rebasing: octets[start..<index]))
                    start = index + 1
                    endsInCarriageReturn = true
                }
            }
            converted.writeBytes(UnsafeRawBufferPointer(rebasing: octets[start...]))
        }
        return converted
    }
}
