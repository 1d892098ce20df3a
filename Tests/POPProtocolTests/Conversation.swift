import MailBytes
import POPProtocol
import SASL
import Testing

/// A session with somebody who carries its actions out on a maildrop in memory.
struct Conversation: ~Copyable {
    static let messages = [
        "Subject: one\r\n\r\nfirst line\r\n.second\r\nthird\r\n",
        "Subject: two\r\n\r\n",
        "Subject: Grüße\r\n\r\nbody\r\n",
    ]

    var session: POPServerSession
    /// What was removed; `nil` until `QUIT` did so.
    var removed: [Int]?
    var isClosed = false
    /// How long the answers were held back, in all.
    var delay = Duration.zero
    var judgement: POPServerSession.LoginJudgement?
    var verified: [String] = []
    var canOpen = true
    var canRemove = true
    var handshakes = 0
    /// What SCRAM users are challenged with; `nil` where the directory is down.
    var challenge: SCRAMChallenge?

    init(
        configuration: POPServerConfiguration = POPServerConfiguration(hostName: "pop.example.com"),
        isEncrypted: Bool = true
    ) {
        self.session = POPServerSession(configuration: configuration, isEncrypted: isEncrypted)
        let greeting = self.session.connected()
        #expect(greeting == .send(.init(greetingOf: "pop.example.com")))
    }

    /// One that is logged in as alice with secret.
    static func loggedIn(
        configuration: POPServerConfiguration = POPServerConfiguration(hostName: "pop.example.com"),
        utf8: Bool = false
    ) -> Conversation {
        var conversation = Conversation(configuration: configuration)
        if utf8 { _ = conversation.say("UTF8") }
        _ = conversation.say("USER alice")
        _ = conversation.say("PASS secret")
        return conversation
    }

    /// Says a line and gives all octets that come back.
    mutating func say(_ line: String) -> String {
        let octets = Array(line.utf8)
        return self.say(octets)
    }

    mutating func say(_ line: [UInt8]) -> String {
        guard self.session.acceptsLines else { return "<busy>" }
        let action =
            line.count > self.session.lineLimit ? self.session.lineTooLong() : self.session.lineReceived(line.span)
        var wire: [UInt8] = []
        self.carry(out: action, &wire)
        return String(decoding: wire, as: UTF8.self)
    }

    private mutating func carry(out action: POPServerSession.Action, _ wire: inout [UInt8]) {
        switch action {
        case .send(let reply): reply.encode(into: &wire)
        case .sendLater(let reply, let delay):
            self.delay += delay
            reply.encode(into: &wire)
        case .sendChallenge(let text): wire += Array("+ \(text)\r\n".utf8)
        case .verify(.password(let credentials)):
            let password = String(decoding: credentials.password.bytes, as: UTF8.self)
            self.verified.append(credentials.authenticationIdentity + ":" + password)
            let isRight = credentials.authenticationIdentity == "alice" && password == "secret"
            let answer = self.judgement ?? (isRight ? .accepted(Self.maildrop) : .rejected)
            self.carry(out: self.session.loginJudged(answer), &wire)
        case .verify(.proof(let proof)):
            self.verified.append("\(proof.identity.user): \(proof.outcome)")
            let answer = self.judgement ?? (proof.outcome == .right ? .accepted(Self.maildrop) : .rejected)
            self.carry(out: self.session.loginJudged(answer), &wire)
        case .verify(let credentials):
            self.verified.append(credentials.claimedIdentity ?? "-")
            self.carry(out: self.session.loginJudged(self.judgement ?? .rejected), &wire)
        case .findVerifier:
            self.carry(out: self.session.verifierFound(self.challenge), &wire)
        case .startTLS(let reply):
            reply.encode(into: &wire)
            self.handshakes += 1
            self.carry(out: self.session.tlsEstablished(), &wire)
        case .sendListing(let reply):
            reply.encode(into: &wire)
            while let chunk = self.session.nextListingChunk() { wire += chunk }
        case .openMessage(let position, let asSurrogate):
            self.opened = position
            self.isSurrogate = asSurrogate
            self.carry(out: self.session.messageOpened(self.canOpen), &wire)
        case .sendMessage(let reply, var encoder):
            reply.encode(into: &wire)
            let text = Self.messages[self.opened]
            let message = Array((self.isSurrogate ? "Surrogate: yes\r\n\r\nbody\r\n" : text).utf8)
            encoder.encode(message.span, into: &wire)
            wire += encoder.termination
            self.carry(out: self.session.messageSent(), &wire)
        case .remove(let positions):
            self.removed = positions
            self.carry(out: self.session.messagesRemoved(self.canRemove), &wire)
        case .sendAndClose(let reply, let delay):
            self.delay += delay
            reply.encode(into: &wire)
            self.isClosed = true
        case .close: self.isClosed = true
        case .proceed: break
        }
    }

    private var opened = 0
    private var isSurrogate = false

    static var maildrop: POPMaildrop {
        POPMaildrop(
            messages: self.messages.enumerated().map { index, text in
                POPMaildrop.Message(size: text.utf8.count, uniqueID: "uid-\(index + 1)", needsUTF8: text.contains("ü"))
            }
        )
    }
}

extension POPReply {
    /// The greeting as the tests know it, made through the public surface.
    init(greetingOf host: String) {
        var session = POPServerSession(configuration: POPServerConfiguration(hostName: host), isEncrypted: true)
        guard case .send(let reply) = session.connected() else { preconditionFailure("there is a greeting") }
        self = reply
    }
}
