import MailBytes
import MailNames
import POPProtocol
import SASL

/// Says the input to a POP3 session: it ends, its replies are lines, nothing is removed but by QUIT after a log-in, and nothing
/// depends on cuts.
func fuzzPOP(_ input: [UInt8]) {
    let cuts = Cuts(input)
    var whole = POPStory()
    whole.hear(cuts.bytes)
    var cut = POPStory()
    for piece in cuts.pieces { cut.hear(piece) }
    holds(whole.said == cut.said, "replies do not depend on cuts")
    holds(whole.removed == cut.removed, "what is removed does not depend on cuts")
}

/// One session and what it said.
struct POPStory: ~Copyable {
    private static let message = Array("Subject: a\r\n\r\n.\r\n..b\r\nc".utf8)

    private(set) var said: [UInt8] = []
    private(set) var removed: [Int]?
    private var session = POPServerSession(
        configuration: POPServerConfiguration(hostName: "pop.example", mechanisms: SASLServerExchange.mechanisms),
        isEncrypted: true
    )
    private var reader = LineReader()
    private var isLoggedIn = false
    private var isOver = false

    init() { perform(session.connected()) }

    private static func isAlice(_ credentials: SASLCredentials) -> Bool {
        if case .proof(let proof) = credentials { holds(proof.outcome != .right, "nobody knows a decoy's password") }
        guard case .password(let credentials) = credentials else { return false }
        return credentials.authenticationIdentity == "alice"
    }

    mutating func hear(_ bytes: [UInt8]) {
        reader.append(bytes)
        while !isOver, let line = reader.next(limit: 4096) {
            holds(session.acceptsLines, "a line is taken when everything is answered")
            switch line {
            case .line(let bytes): perform(session.lineReceived(bytes.span))
            case .tooLong: isOver = true
            }
        }
    }

    private mutating func perform(_ action: POPServerSession.Action) {
        switch action {
        case .send(let reply), .sendLater(let reply, _): say(reply.encoded)
        case .sendChallenge(let text): say(Array("+ \(text)\r\n".utf8))
        case .verify(let credentials):
            isLoggedIn = Self.isAlice(credentials)
            let messages = (0..<4).map { POPMaildrop.Message(size: 25, uniqueID: "u\($0)", needsUTF8: $0 == 3) }
            perform(session.loginJudged(isLoggedIn ? .accepted(POPMaildrop(messages: messages)) : .rejected))
        case .findVerifier(let identity):
            let verifier = SCRAMVerifier.decoy(for: identity.user, secret: [1], hash: identity.hash)
            perform(session.verifierFound(SCRAMChallenge(verifier: verifier, nonce: "server")))
        case .startTLS: isOver = true
        case .sendListing(let reply):
            say(reply.encoded)
            while let chunk = session.nextListingChunk() { say(chunk) }
        case .openMessage(let position, _):
            holds((0..<4).contains(position), "only messages that are there are opened")
            perform(session.messageOpened(true))
        case .sendMessage(let reply, var encoder):
            say(reply.encoded)
            var octets: [UInt8] = []
            encoder.encode(Self.message.span, into: &octets)
            say(octets + encoder.termination)
            perform(session.messageSent())
        case .remove(let positions):
            holds(isLoggedIn && removed == nil, "removed once, by one who is logged in")
            holds(Set(positions).count == positions.count && positions.allSatisfy((0..<4).contains), "real messages")
            removed = positions
            perform(session.messagesRemoved(true))
        case .sendAndClose(let reply, _):
            say(reply.encoded)
            isOver = true
        case .close: isOver = true
        case .proceed: break
        }
    }

    private mutating func say(_ octets: [UInt8]) {
        holds(octets.suffix(2) == [0x0D, 0x0A], "what is said ends in CR LF")
        holds(BareNewlines.isFree(octets), "no bare newline is said")
        said += octets
    }
}
