import MailBytes
import NIOSSL
import Synchronization

/// The identity that new handshakes use; it can be exchanged while the server runs.
///
/// There is one `NIOSSLContext` an identity, shared by all connections: session tickets live in it, and a context for
/// each connection would cost tens of KiB. Connections keep the context they began with.
public final class TLSIdentitySource: Sendable {
    /// Where the identity comes from.
    public enum Origin: Hashable, Sendable {
        /// Files in PEM.
        case files(chain: String, key: String)
        /// A file of our own, made when it is not there: see `SelfSignedCertificate.loadOrMake`.
        case selfSigned(path: String, names: [String])
    }

    private struct State: Sendable {
        var origin: Origin
        var identity: TLSIdentity
        var context: NIOSSLContext
    }

    private let state: Mutex<State>

    /// Loads the identity, or makes it. Blocks for as long as the disk takes.
    public init(_ origin: Origin, now: Timestamp) throws(TLSIdentityError) {
        self.state = Mutex(try Self.load(origin, now: now))
    }

    /// The context for a new handshake. Cheap; from any thread.
    public var serverContext: NIOSSLContext { self.state.withLock { $0.context } }

    /// The identity in use.
    public var identity: TLSIdentity { self.state.withLock { $0.identity } }

    /// Reads the files again, or others; handshakes that begin after the return use what is in them.
    ///
    /// - Throws: when it cannot be used; the old identity then stays in use.
    public func reload(from origin: Origin? = nil, now: Timestamp) throws(TLSIdentityError) {
        // Read outside of the lock: handshakes do not wait for the disk.
        let loaded = try Self.load(origin ?? self.state.withLock { $0.origin }, now: now)
        self.state.withLock { $0 = loaded }
    }

    private static func load(_ origin: Origin, now: Timestamp) throws(TLSIdentityError) -> State {
        let identity: TLSIdentity
        let path: String
        switch origin {
        case .files(let chain, let key):
            identity = try TLSIdentity.load(chain: chain, key: key)
            path = key
        case .selfSigned(let file, let names):
            identity = try SelfSignedCertificate.loadOrMake(path: file, names: names, now: now)
            path = file
        }
        do {
            let context = try NIOSSLContext(configuration: .martletServer(identity))
            return State(origin: origin, identity: identity, context: context)
        } catch {
            throw TLSIdentityError(.mismatch, path: path, underlying: error)
        }
    }
}
