import SMTPProtocol

/// What one policy says, with its reason: the client is told the reply, the trace gets the rest.
public struct Verdict: Sendable, Equatable {
    public enum Decision: Sendable, Equatable {
        case accept
        /// Accepted, and the client is told more than that: 251.
        case acceptTelling(SMTPReply)
        case refuse(SMTPReply)
    }

    /// Which policy spoke, as operators know it: `relay`, `recipient`, `sender`, `spool`.
    public var policy: String
    public var decision: Decision
    public var reason: String

    public init(_ policy: String, _ decision: Decision, because reason: String) {
        self.policy = policy
        self.decision = decision
        self.reason = reason
    }

    /// `relay: accepted, the client is authenticated`.
    public var line: String {
        switch decision {
        case .accept: "\(policy): accepted, \(reason)"
        case .acceptTelling(let reply): "\(policy): accepted (\(reply.code)), \(reason)"
        case .refuse(let reply): "\(policy): refused (\(reply.code)), \(reason)"
        }
    }
}
