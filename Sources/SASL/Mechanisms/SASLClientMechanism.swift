/// The client's side of one mechanism: octets of a challenge in, one step out. RFC 4422 section 3.
public protocol SASLClientMechanism: Sendable {
    /// As servers offer it.
    static var name: SASLMechanismName { get }
    /// What goes with the command that starts the exchange; `nil` where the server speaks first. Called once, and
    /// only where the protocol and the length of the line allow an initial response.
    mutating func initialResponse() -> [UInt8]?
    /// A challenge arrived.
    mutating func challengeReceived(_ challenge: Span<UInt8>) -> SASLClientStep
    /// Whether the server may say now that the log-in succeeded. False while it still has to prove something itself.
    var acceptsSuccess: Bool { get }
}

extension SASLClientMechanism {
    /// Most mechanisms prove nothing about the server.
    public var acceptsSuccess: Bool { true }
}

/// What the client does next.
public enum SASLClientStep: Equatable, Sendable {
    /// Send these octets.
    case respond([UInt8])
    /// End the exchange with `*`.
    case cancel(SASLFailure)
}
