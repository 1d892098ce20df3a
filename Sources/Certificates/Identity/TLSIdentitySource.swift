import ChannelSupport
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
        var authorities: String?
        var endpoint: TLSEndpoint
        /// The same, and it asks for a client's certificate.
        var asking: TLSEndpoint
    }

    private let state: Mutex<State>

    /// Loads the identity, or makes it. Blocks for as long as the disk takes.
    ///
    /// - Parameter clientAuthorities: a file in PEM with the authorities whose client certificates are taken; `nil` for none.
    public init(
        _ origin: Origin,
        clientAuthorities: String? = nil,
        now: Timestamp
    ) throws(TLSIdentityError) {
        self.state = Mutex(try Self.load(origin, clientAuthorities, now: now))
    }

    /// The context for a new handshake. Cheap; from any thread.
    public var serverContext: NIOSSLContext { self.endpoint.context }

    /// What a new handshake with another server is done with. Cheap; from any thread.
    public var endpoint: TLSEndpoint { self.state.withLock { $0.endpoint } }

    /// What a new handshake with somebody who may log in is done with: asks for a certificate where there are authorities
    /// for them. Cheap; from any thread.
    public var askingEndpoint: TLSEndpoint { self.state.withLock { $0.asking } }

    /// The identity in use.
    public var identity: TLSIdentity { self.state.withLock { $0.identity } }

    /// Reads the files again, or others; handshakes that begin after the return use what is in them.
    ///
    /// - Throws: when it cannot be used; the old identity then stays in use.
    public func reload(
        from origin: Origin? = nil,
        clientAuthorities: String? = nil,
        now: Timestamp
    ) throws(TLSIdentityError) {
        // Read outside of the lock: handshakes do not wait for the disk.
        let current = self.state.withLock { ($0.origin, $0.authorities) }
        let loaded = try Self.load(origin ?? current.0, origin == nil ? current.1 : clientAuthorities, now: now)
        self.state.withLock { $0 = loaded }
    }

    private static func load(
        _ origin: Origin,
        _ authorities: String?,
        now: Timestamp
    ) throws(TLSIdentityError) -> State {
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
        let endpoint: TLSEndpoint
        do {
            endpoint = try Self.endpoint(identity, asking: nil)
        } catch {
            throw TLSIdentityError(.mismatch, path: path, underlying: error)
        }
        guard let authorities else {
            return State(origin: origin, identity: identity, authorities: nil, endpoint: endpoint, asking: endpoint)
        }
        let file = try PrivateFile.read(authorities)
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(file.octets), !certificates.isEmpty else {
            throw TLSIdentityError(.noCertificate, path: authorities)
        }
        do {
            let asking = try Self.endpoint(identity, asking: authorities)
            return State(
                origin: origin,
                identity: identity,
                authorities: authorities,
                endpoint: endpoint,
                asking: asking
            )
        } catch {
            throw TLSIdentityError(.noCertificate, path: authorities, underlying: error)
        }
    }

    private static func endpoint(_ identity: TLSIdentity, asking authorities: String?) throws -> TLSEndpoint {
        var configuration = TLSConfiguration.martletServer(identity)
        if let authorities { configuration.askForClientCertificates(of: authorities) }
        let secrets = ExporterSecrets()
        secrets.listen(to: &configuration)
        return TLSEndpoint(
            context: try NIOSSLContext(configuration: configuration),
            secrets: secrets,
            certificate: identity.chain.first,
            identities: { ClientCertificate.addresses(of: $0) }
        )
    }
}
