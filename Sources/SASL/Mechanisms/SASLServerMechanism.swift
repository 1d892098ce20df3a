/// The server's side of one mechanism: octets of a response in, one step out. RFC 4422 section 3.
///
/// A mechanism knows no base64, no command and no directory; `SASLServerExchange` frames it for SMTP, POP3, IMAP and
/// ManageSieve. A mechanism that needs a stored secret first (SCRAM) asks for it by a step of its own.
public protocol SASLServerMechanism: Sendable {
    /// As offered to clients.
    static var name: SASLMechanismName { get }
    /// The first step when the client sent no initial response: a challenge, empty where the client speaks first.
    mutating func started() -> SASLServerStep
    /// A response arrived, the initial one included.
    mutating func responseReceived(_ response: Span<UInt8>) -> SASLServerStep
    /// The stored secret that `findVerifier` asked for.
    mutating func verifierFound(_ challenge: SCRAMChallenge) -> SASLServerStep
    /// What `verify` carried was judged and is wrong. The next step, where the mechanism has one; `nil` where the
    /// exchange is over.
    mutating func rejected() -> SASLServerStep?
}

extension SASLServerMechanism {
    /// A mechanism that asks for no stored secret gets none.
    public mutating func verifierFound(_ challenge: SCRAMChallenge) -> SASLServerStep { .failed(.unexpected) }

    /// Most mechanisms have nothing to say about a refusal.
    public mutating func rejected() -> SASLServerStep? { nil }
}

/// What a mechanism wants next.
public enum SASLServerStep: Equatable, Sendable {
    /// Send these octets and wait for a response.
    case challenge([UInt8])
    /// Look the stored secret of this user up, and answer with `verifierFound(_:)`.
    case findVerifier(SCRAMIdentity)
    /// The exchange is over; whether it succeeded depends on these.
    case verify(SASLCredentials)
    /// The exchange is over and failed.
    case failed(SASLFailure)
}
