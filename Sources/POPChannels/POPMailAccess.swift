import NIOCore
import POPProtocol
import SASL

/// Who judges log-ins, and opens the maildrop where they are right. Implemented by the service.
public protocol POPAuthority: Sendable {
    /// Judges credentials and, where they are right, locks the maildrop and lists it.
    ///
    /// Called once at a time a connection. The task is cancelled when the connection goes; an access that is handed
    /// out nevertheless is released.
    func logIn(_ credentials: SASLCredentials, from connection: POPConnection) async -> POPLogin

    /// What a SCRAM exchange is challenged with; a decoy where there is no such user, `nil` when it cannot be told now.
    func scramChallenge(for identity: SCRAMIdentity) async -> SCRAMChallenge?
}

extension POPAuthority {
    /// An authority without stored secrets; its listeners offer no SCRAM.
    public func scramChallenge(for identity: SCRAMIdentity) async -> SCRAMChallenge? { nil }
}

/// What became of a log-in.
public enum POPLogin: Sendable {
    /// The maildrop is locked for this session until `release()`.
    case accepted(POPMaildrop, any POPMailAccess)
    /// Every other answer; `.accepted` is none of them.
    case refused(POPLoginRefusal)
}

/// Why a log-in did not come to a maildrop: see `POPServerSession.LoginJudgement`.
public enum POPLoginRefusal: Hashable, Sendable {
    /// The credentials are wrong.
    case rejected
    /// Another session has the maildrop.
    case maildropInUse
    /// Too soon after the last log-in.
    case tooSoon
    /// Our trouble, likely to pass.
    case unavailable
    /// Our trouble, somebody has to act.
    case broken
}

/// A locked maildrop: what a session does with it beyond its listing.
public protocol POPMailAccess: Sendable {
    /// The message at a position of the listing; with a header of ASCII alone where a surrogate is wanted: RFC 6858.
    func content(at position: Int, asSurrogate: Bool) async throws -> POPMessageContent
    /// Removes the messages at these positions and nothing else; durable on return.
    func remove(_ positions: [Int]) async throws
    /// Gives the lock back. Called exactly once, on the connection's loop; does not block.
    func release()
}

/// A message on its way out.
public enum POPMessageContent: Sendable {
    /// All of it: for what is small.
    case whole(ByteBuffer)
    /// Chunk after chunk until `nil`; the next is asked for when the one before has left. Chunks of 16 to 256 KiB.
    case chunks(@Sendable () async throws -> ByteBuffer?)
}

/// What is known about a connection.
public struct POPConnection: Sendable {
    /// The peer's address; `nil` when the socket has none.
    public let peer: SocketAddress?
    /// Whether TLS is active now.
    public let isEncrypted: Bool

    /// A connection.
    public init(peer: SocketAddress?, isEncrypted: Bool) {
        self.peer = peer
        self.isEncrypted = isEncrypted
    }
}

/// How long a connection may take.
public struct POPTimeouts: Hashable, Sendable {
    /// Without an octet in either direction: the autologout timer, at least 10 minutes (RFC 1939 section 3).
    public var inactivity: Duration
    /// From the start of the connection until somebody is logged in, all in all: no inactivity timer, but a bound on
    /// what strangers may hold.
    public var untilLogin: Duration

    /// 10 minutes of inactivity, 5 minutes until the log-in.
    public init(inactivity: Duration = .seconds(600), untilLogin: Duration = .seconds(300)) {
        self.inactivity = inactivity
        self.untilLogin = untilLogin
    }
}
