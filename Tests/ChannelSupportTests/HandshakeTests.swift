import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import SASL
import Testing

@testable import ChannelSupport

/// Tells at the end of a handshake what it can be bound to.
private final class Listener: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let bindings: EventLoopPromise<ChannelBindings>
    private let isServer: Bool

    init(_ bindings: EventLoopPromise<ChannelBindings>, isServer: Bool) {
        self.bindings = bindings
        self.isServer = isServer
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case TLSUserEvent.handshakeCompleted = event else { return }
        let pipeline = context.pipeline.syncOperations
        self.bindings.succeed(
            self.isServer ? TLSEndpoint.connection(of: pipeline).bindings : TLSEndpoint.bindings(of: pipeline)
        )
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { self.bindings.fail(error) }
}

@Suite("Bindings of real handshakes, RFC 9266 and RFC 5929") struct HandshakeTests {
    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBiTCCAS+gAwIBAgIUbBtpTmAcUAwYbDewgf9hfqHRdjowCgYIKoZIzj0EAwIw
        GTEXMBUGA1UEAwwOc2VydmVyLmV4YW1wbGUwIBcNMjYxMTI3MTcyMjM0WhgPMjEy
        NjExMDMxNzIyMzRaMBkxFzAVBgNVBAMMDnNlcnZlci5leGFtcGxlMFkwEwYHKoZI
        zj0CAQYIKoZIzj0DAQcDQgAEL7KHtITgSIYuDlt/OY2aMDXUObmSuFuIWGGE3a3h
        z3BsxQn4GQ30WBcH7IGv5WpLZQp5cmMa75NUNRVho9EH86NTMFEwHQYDVR0OBBYE
        FPDgmxiCIBex6IZNcA3g7VqN11tmMB8GA1UdIwQYMBaAFPDgmxiCIBex6IZNcA3g
        7VqN11tmMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAPfrRgmE
        KUAi7G8Bbw4UCeIq9DEYr/sXGDDQuU/RHG1hAiAw6aVBKyFioGL1ssl0EHK6g8nc
        q7+FF0y+ZC/bn39PVQ==
        -----END CERTIFICATE-----
        """
    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghkRMl2s0Kakv8t7Q
        +CvSHFyWYsanxUpBh1MafJt4pbWhRANCAAQvsoe0hOBIhi4OW385jZowNdQ5uZK4
        W4hYYYTdreHPcGzFCfgZDfRYFwfsga/laktlCnlyYxrvk1Q1FWGj0Qfz
        -----END PRIVATE KEY-----
        """

    /// What both sides of a new connection can be bound to.
    private static func shake(
        _ version: TLSVersion,
        _ secrets: (server: ExporterSecrets, client: ExporterSecrets)
    ) async throws -> (server: ChannelBindings, client: ChannelBindings) {
        let group = MultiThreadedEventLoopGroup.singleton
        let certificate = try NIOSSLCertificate(bytes: Array(Self.certificate.utf8), format: .pem)
        let key = try NIOSSLPrivateKey(bytes: Array(Self.key.utf8), format: .pem)
        var server = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(certificate)],
            privateKey: .privateKey(key)
        )
        server.maximumTLSVersion = version
        secrets.server.listen(to: &server)
        let endpoint = TLSEndpoint(
            context: try NIOSSLContext(configuration: server),
            secrets: secrets.server,
            certificate: certificate
        )
        var client = TLSConfiguration.makeClientConfiguration()
        client.certificateVerification = .none
        secrets.client.listen(to: &client)
        let context = try NIOSSLContext(configuration: client)
        let loop = group.next()
        let (ofServer, ofClient) = (
            loop.makePromise(of: ChannelBindings.self), loop.makePromise(of: ChannelBindings.self)
        )
        let listening = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try endpoint.addServerHandlers(to: pipeline)
                    try pipeline.addHandler(Listener(ofServer, isServer: true))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(listening.localAddress)
        let channel = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    let tls = try NIOSSLClientHandler(context: context, serverHostname: nil)
                    try TLSEndpoint.addClientHandlers(tls, secrets: secrets.client, to: pipeline)
                    try pipeline.addHandler(Listener(ofClient, isServer: false))
                }
            }
            .connect(to: address).get()
        let found = (server: try await ofServer.futureResult.get(), client: try await ofClient.futureResult.get())
        try? await channel.close().get()
        try? await listening.close().get()
        return found
    }

    @Test func `both sides of a connection have the same bindings, and two connections have not`() async throws {
        let secrets = (server: ExporterSecrets(), client: ExporterSecrets())
        let first = try await Self.shake(.tlsv13, secrets)
        #expect(first.server == first.client)
        #expect(first.server.exporter?.count == 32 && first.server.serverEndPoint?.count == 32)
        let second = try await Self.shake(.tlsv13, secrets)
        #expect(second.server == second.client)
        #expect(second.server.exporter != first.server.exporter)
        #expect(second.server.serverEndPoint == first.server.serverEndPoint)
        #expect(secrets.server.isEmpty && secrets.client.isEmpty)
    }

    @Test func `before TLS 1.3 there is the certificate alone`() async throws {
        let found = try await Self.shake(.tlsv12, (ExporterSecrets(), ExporterSecrets()))
        #expect(found.server == found.client)
        #expect(found.server.exporter == nil && found.server.serverEndPoint?.count == 32)
    }
}
