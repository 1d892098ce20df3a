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
        holds(
            field.whole.lowerBound == end || (end == 0 && input.starts(with: Array("From ".utf8))),
            "fields follow each other"
        )
        end = field.whole.lowerBound
        holds(field.whole.upperBound > end, "a field is not empty")
        holds(field.name.lowerBound == end && field.name.upperBound <= field.value.lowerBound, "a name, then a value")
        holds(field.value.upperBound <= field.whole.upperBound, "a value ends in its field")
        end = field.whole.upperBound
        let value = input.span.unfolded(field.value)
        holds(!value.utf8.contains { $0 == 0x0D || $0 == 0x0A || $0 == 0 }, "an unfolded value is one line")
    }
    holds(scanner.end == end || end == 0, "the header ends behind its last field")
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
    let list = AddressList(parsing: input.span)
    for address in list.addresses {
        holds((try? EmailAddress(parsing: address.description)) == address, "\(address) in a list is what it prints")
    }
    for case let name? in list.mailboxes.map(\.displayName) {
        holds(
            !name.isEmpty && !name.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F },
            "a name is one line"
        )
    }
    // What is written of the mailboxes that can be sent to is read back as the same.
    let mailboxes = list.mailboxes.filter { $0.address != nil }
    var builder = MessageBuilder()
    builder.add("To", mailboxes: mailboxes)
    let message = builder.finish(.text(""))
    var scanner = HeaderScanner()
    guard let field = scanner.next(message.span) else { return holds(false, "a message that is written has a header") }
    let again = AddressList(parsing: message.span.extracting(field.value))
    holds(again.addresses == mailboxes.compactMap(\.address), "addresses that are written are read back")
}

/// A whole message: its structure does not depend on cuts, parts lie inside each other, and its record is read back.
func fuzzMessage(_ input: [UInt8]) {
    let cuts = Cuts(input)
    let message = cuts.bytes
    var parser = MessageParser()
    parser.consume(message.span)
    let whole = parser.finish()
    var other = MessageParser()
    for piece in cuts.pieces { other.consume(piece.span) }
    let cut = other.finish()
    holds(cut.structure == whole.structure, "structure does not depend on cuts")
    holds(cut.preview == whole.preview, "a preview does not depend on cuts")
    holds(whole.preview.count <= 256, "a preview is short")
    holds(BodyPart(encoded: whole.structure.encoded.span) == whole.structure, "a structure's record is read back")
    _ = BodyPart(encoded: message.span)
    lieInside(whole.structure, 0..<message.count, message)
    for part in whole.structure.all {
        let body = message.span.extracting(part.body)
        let text = Charset.decode(TransferEncoding.decode(body, part.encoding).span, named: part.charset)
        _ = VisibleText.ofHTML(text)
        _ = part.fileName
    }
    var scanner = HeaderScanner()
    while let field = scanner.next(message.span) {
        let value = message.span.extracting(field.value)
        let text = EncodedWords.decode(value)
        let again = EncodedWords.decode(EncodedWords.encode(text))
        holds(again == text, "text that is encoded is decoded as the same")
        _ = BaseSubject.of(text)
        for id in MessageIdentifiers.parse(value) { holds(id.utf8.count <= 1000, "an identifier is short") }
    }
}

private func lieInside(_ part: BodyPart, _ outer: Range<Int>, _ message: [UInt8]) {
    holds(part.header.upperBound == part.body.lowerBound, "a body follows its header")
    holds(
        part.header.lowerBound >= outer.lowerBound && part.body.upperBound <= outer.upperBound,
        "a part lies in another"
    )
    holds(part.lines == message[part.body].count { $0 == 0x0A }, "lines are counted")
    var end = part.body.lowerBound
    for child in part.parts {
        holds(child.header.lowerBound >= end, "parts follow each other")
        end = child.body.upperBound
        lieInside(child, part.body, message)
    }
}
