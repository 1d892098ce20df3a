import InternetMessage
import MailBytes
import MailNames
import SMTPProtocol

/// Content by DATA: what the unstuffer takes does not depend on cuts, stuffed again and taken apart again it is the same, and
/// only CR LF `.` CR LF ends it.
func fuzzContent(_ input: [UInt8]) {
    let cuts = Cuts(input)
    for policy in [DotUnstuffer.BareNewlines.refuse, .normalise] {
        let whole = unstuff([cuts.bytes], policy)
        let cut = unstuff(cuts.pieces, policy)
        holds(whole.outcome == cut.outcome, "the end does not depend on cuts")
        holds(whole.outcome == .refused || whole.content == cut.content, "content does not depend on cuts")
        guard case .ended(let taken) = whole.outcome else { continue }
        holds(BareNewlines.isFree(whole.content), "no bare newline gets through")
        if policy == .refuse {
            let end = Array(cuts.bytes[..<taken].suffix(5))
            holds(end == Array("\r\n.\r\n".utf8) || Array(cuts.bytes[..<taken]) == Array(".\r\n".utf8), "only one end")
        }
        var stuffer = DotStuffer()
        var again: [UInt8] = []
        for piece in Cuts([cuts.bytes.first ?? 0] + whole.content).pieces {
            stuffer.encode(piece.span) { part in
                switch part {
                case .bytes(let range): again += piece[range]
                case .dot: again.append(0x2E)
                case .lineEnd: again += [0x0D, 0x0A]
                }
            }
        }
        again.append(stuffer.end())
        let back = unstuff([again], .refuse)
        holds(back.outcome == .ended(again.count), "what is stuffed ends where it ends")
        holds(back.content == whole.content, "what is stuffed is the same when it was taken apart")
    }
    // Whatever lies in the spool, on the wire it is one message.
    var stuffer = DotStuffer()
    var wire: [UInt8] = []
    for piece in cuts.pieces {
        stuffer.encode(piece.span) { part in
            switch part {
            case .bytes(let range): wire += piece[range]
            case .dot: wire.append(0x2E)
            case .lineEnd: wire += [0x0D, 0x0A]
            }
        }
    }
    wire.append(stuffer.end())
    holds(unstuff([wire], .refuse).outcome == .ended(wire.count), "any content is one message on the wire")
    var finder = BareNewlineFinder()
    var found = false
    for piece in cuts.pieces { found = finder.find(in: piece.span) || found }
    holds((found || finder.endsBare) == !BareNewlines.isFree(cuts.bytes), "bare newlines are found in every cut")
}

private enum Outcome: Equatable {
    case unfinished
    case refused
    case ended(Int)
}

private func unstuff(
    _ pieces: [[UInt8]],
    _ policy: DotUnstuffer.BareNewlines
) -> (outcome: Outcome, content: [UInt8]) {
    var unstuffer = DotUnstuffer(policy)
    var content: [UInt8] = []
    var before = 0
    for piece in pieces {
        let outcome = unstuffer.consume(piece.span) { part in
            switch part {
            case .bytes(let range): content += piece[range]
            case .lineEnd: content += [0x0D, 0x0A]
            }
        }
        switch outcome {
        case .incomplete: before += piece.count
        case .end(let next): return (.ended(before + next), content)
        case .bareNewline: return (.refused, content)
        }
    }
    return (.unfinished, content)
}

/// A header section: fields lie one behind the other, and unfolding is total.
func fuzzHeader(_ input: [UInt8]) {
    var scanner = HeaderScanner()
    var end = 0
    while let field = scanner.next(input.span) {
        holds(field.whole.lowerBound == end, "fields follow each other")
        holds(field.whole.upperBound > end, "a field is not empty")
        holds(field.name.lowerBound == end && field.name.upperBound <= field.value.lowerBound, "a name, then a value")
        holds(field.value.upperBound <= field.whole.upperBound, "a value ends in its field")
        end = field.whole.upperBound
        let value = input.span.unfolded(field.value)
        holds(!value.utf8.contains { $0 == 0x0D || $0 == 0x0A || $0 == 0 }, "an unfolded value is one line")
    }
    holds(scanner.end == end, "the header ends behind its last field")
    let arriving = ArrivingHeader(input.span)
    holds(arriving.messageID.map { !$0.isEmpty } ?? true, "a Message-ID is not empty")
}

/// Addresses: what is understood is printed in a form that is understood as the same.
func fuzzAddress(_ input: [UInt8]) {
    if let address = try? EmailAddress(parsing: input.span) {
        let again = try? EmailAddress(parsing: address.description)
        holds(again == address, "\(address) is what it prints")
        holds(!address.description.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "no control gets into an address")
    }
    let text = String(decoding: input, as: UTF8.self)
    if let domain = try? Domain(parsing: text) {
        holds((try? Domain(parsing: domain.ascii)) == domain, "\(domain.ascii) is what it prints")
        holds((try? Domain(parsing: domain.unicode)) == domain, "\(domain.unicode) is \(domain.ascii)")
    }
    if let address = IPAddress(text) {
        holds(IPAddress(address.description) == address, "\(address) is what it prints")
    }
    for address in AddressList.parse(text).addresses {
        holds((try? EmailAddress(parsing: address.description)) == address, "\(address) in a list is what it prints")
    }
}
