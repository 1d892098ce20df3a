import MailBytes
import Testing

@testable import TrackingProtocol

@Suite("Asking about a message, RFC 3887") struct TrackingClientTests {
    private static func hear(
        _ lines: String...,
        by session: inout TrackingClientSession
    ) -> TrackingClientSession.Action {
        var action = TrackingClientSession.Action.wait
        for line in lines {
            let octets = Array(line.utf8)
            action = session.lineReceived(octets.span)
        }
        return action
    }

    private static let track = TrackingClientSession.Action.send(Array("TRACK id@x c2VjcmV0\r\n".utf8))

    private static func session(usesTLS: Bool = true) -> TrackingClientSession {
        TrackingClientSession(server: "h.test", envelopeID: "id@x", secret: Array("secret".utf8), usesTLS: usesTLS)
    }

    @Test func `TLS first where it is offered, then the question`() {
        var session = Self.session()
        let first = Self.hear("+OK+/MTQP ready", "vnd.x y", "starttls required", ".", by: &session)
        let second = Self.hear("+OK go", by: &session)
        session.tlsEstablished()
        let third = Self.hear("+OK/MTQP ready", by: &session)
        let last = Self.hear("+OK+ follows", "Content-Type: x", "..dotted", ".", by: &session)
        #expect(first == .send(Array("STARTTLS h.test\r\n".utf8)) && second == .startTLS && third == Self.track)
        #expect(last == .found(["Content-Type: x", ".dotted"]))
    }

    @Test func `without options, and what is refused`() {
        var session = Self.session()
        let asked = Self.hear("+OK/MTQP MTQP server ready", by: &session)
        let answer = Self.hear("-ERR/noinfo nothing", by: &session)
        #expect(asked == Self.track && answer == .failed("-ERR/noinfo nothing"))
        var other = Self.session(usesTLS: false)
        let down = Self.hear("-TEMP/MTQP/admin Service down for admin, call back later", by: &other)
        #expect(down == .failed("-TEMP/MTQP/admin Service down for admin, call back later"))
    }
}
