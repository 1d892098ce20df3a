import NIOCore
import NIOSSL
import SASL

/// One side's TLS: the context of its next handshake, and what its handshakes leave for log-ins.
public struct TLSEndpoint: Sendable {
    public let context: NIOSSLContext
    /// What the context's configuration listens with; `nil` where nobody binds to the connection.
    let secrets: ExporterSecrets?
    /// `tls-server-end-point` of this server's certificate.
    let serverEndPoint: [UInt8]?
    /// The addresses that a verified client certificate names.
    private let identities: @Sendable (NIOSSLCertificate) -> [String]

    /// - Parameters:
    ///   - secrets: what the context's configuration was told to tell its secrets to.
    ///   - certificate: the server's own certificate, whose hash connections are bound to.
    ///   - identities: the addresses that a client certificate names. Only a context that verifies certificates has any.
    public init(
        context: NIOSSLContext,
        secrets: ExporterSecrets? = nil,
        certificate: NIOSSLCertificate? = nil,
        identities: @escaping @Sendable (NIOSSLCertificate) -> [String] = { _ in [] }
    ) {
        self.context = context
        self.secrets = secrets
        let octets = try? certificate?.toDERBytes()
        self.serverEndPoint = octets.flatMap { ChannelBindings.serverEndPoint(certificate: $0) }
        self.identities = identities
    }

    /// Puts TLS in front of everything that is in the pipeline of a server's connection.
    public func addServerHandlers(to pipeline: ChannelPipeline.SynchronousOperations) throws {
        try pipeline.addHandler(NIOSSLServerHandler(context: self.context), position: .first)
        try pipeline.addHandler(HandshakeWitness(server: self), position: .first)
    }

    /// Puts TLS behind what is in the pipeline of a server's connection: a proxy's header comes in clear, in front of it.
    public func appendServerHandlers(to pipeline: ChannelPipeline.SynchronousOperations) throws {
        try pipeline.addHandler(HandshakeWitness(server: self))
        try pipeline.addHandler(NIOSSLServerHandler(context: self.context))
    }

    /// What the handshake that is over contributes to a log-in, on a server's connection. Asked for once, at the end of the
    /// handshake; the witness leaves the pipeline with it.
    public static func connection(of pipeline: ChannelPipeline.SynchronousOperations) -> SASLConnection {
        guard let witness = try? pipeline.handler(type: HandshakeWitness.self), let endpoint = witness.endpoint,
            let tls = try? pipeline.handler(type: NIOSSLServerHandler.self)
        else { return SASLConnection() }
        let bindings = ChannelBindings(
            exporter: witness.takeSecret().map { ChannelBindings.exporter(secret: $0) },
            serverEndPoint: endpoint.serverEndPoint
        )
        pipeline.removeHandler(witness, promise: nil)
        var connection = SASLConnection(
            bindings: bindings,
            certificateIdentities: tls.peerCertificate.map { endpoint.identities($0) } ?? []
        )
        let octets = try? tls.peerCertificate?.toDERBytes()
        connection.certificateFingerprint = octets.map { SASLConnection.fingerprint(ofCertificate: $0) }
        return connection
    }

    // MARK: Client

    /// Puts TLS in front of everything that is in the pipeline of a client's connection.
    ///
    /// - Parameters:
    ///   - handler: of the context whose secrets these are.
    ///   - secrets: what the context's configuration was told to tell its secrets to.
    public static func addClientHandlers(
        _ handler: NIOSSLClientHandler,
        secrets: ExporterSecrets?,
        to pipeline: ChannelPipeline.SynchronousOperations
    ) throws {
        guard let secrets else { return try pipeline.addHandler(handler, position: .first) }
        // The witness first: on an open connection TLS speaks as soon as it is there.
        let witness = HandshakeWitness(client: secrets)
        try pipeline.addHandler(witness, position: .first)
        try pipeline.addHandler(handler, position: .after(witness))
    }

    /// What the handshake that is over can be bound to, on a client's connection. Asked for once, at the end of the
    /// handshake; the witness leaves the pipeline with it.
    public static func bindings(of pipeline: ChannelPipeline.SynchronousOperations) -> ChannelBindings {
        guard let witness = try? pipeline.handler(type: HandshakeWitness.self),
            let tls = try? pipeline.handler(type: NIOSSLClientHandler.self)
        else { return ChannelBindings() }
        let secret = witness.takeSecret()
        pipeline.removeHandler(witness, promise: nil)
        let certificate = try? tls.peerCertificate?.toDERBytes()
        return ChannelBindings(
            exporter: secret.map { ChannelBindings.exporter(secret: $0) },
            serverEndPoint: certificate.flatMap { ChannelBindings.serverEndPoint(certificate: $0) }
        )
    }
}
