import Admission
import Certificates
import ChannelSupport
import Directory
import Foundation
import Logging
import MailBytes
import MailEvents
import MailNames
import MailPolicy
import NIOCore
import NIOPosix
import NIOSSL
import Reception
import SASL
import SMTPChannels
import SMTPProtocol
import Spool

/// alice@example.test and bob@example.test, who log in with NAME-secret; mail to team@example.test goes to both.
struct SmallDirectory: Directory {
    func cachedAnswer(for address: EmailAddress) -> RecipientAnswer? { nil }

    func answer(for address: EmailAddress) async throws(DirectoryError) -> RecipientAnswer {
        switch address.description {
        case "alice@example.test": .account(AccountID(1))
        case "bob@example.test": .account(AccountID(2))
        case "team@example.test":
            .alias(["alice", "bob"].compactMap { try? EmailAddress(parsing: $0 + "@example.test") })
        case let text where text.hasSuffix("@example.test"): .unknownRecipient
        default: .notLocal
        }
    }

    func ownedSince(_ address: EmailAddress) async throws(DirectoryError) -> Timestamp? {
        address.description == "alice@example.test" ? Timestamp(seconds: 100) : nil
    }

    func isLocal(_ domain: Domain) async throws(DirectoryError) -> Bool { domain.ascii == "example.test" }

    func authenticate(_ credentials: PasswordCredentials) async throws(DirectoryError) -> Account? {
        guard let address = try? EmailAddress(parsing: credentials.authenticationIdentity),
            address.domain?.ascii == "example.test",
            Password("\(address.localPart.text)-secret").map({ $0 == credentials.password }) == true
        else { return nil }
        return Account(id: AccountID(1), address: address, isEnabled: true)
    }

    func account(_ id: AccountID) async throws(DirectoryError) -> Account? { nil }

    func account(_ id: AccountID, maySendAs address: EmailAddress) async throws(DirectoryError) -> Bool {
        try await answer(for: address) == .account(id)
    }
}

/// A spool in a folder of its own with its doors on loopback.
struct DoorFixture {
    static let group = MultiThreadedEventLoopGroup.singleton

    let spool: Spool
    let reception: Reception
    let service: SMTPService
    let recorder: CollectingTraceRecorder
    let smtp: SocketAddress
    let submission: SocketAddress

    static func with(
        spool options: SpoolOptions = SpoolOptions(),
        relay: RelayControl = RelayControl(),
        limits: ConnectionRegister.Limits = .init(),
        offer: SMTPServiceOffer = SMTPServiceOffer(),
        pace: AccountPace.Limits = .init(),
        _ body: (DoorFixture) async throws -> Void
    ) async throws {
        let folder = NSTemporaryDirectory() + "martlet-reception-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let clock = WallClock { Timestamp(seconds: 1_800_000_000) }
        let spool = try Spool.open(folder: folder, options: options, clock: clock)
        let recorder = CollectingTraceRecorder()
        let reception = Reception(
            options: .init(hostName: "mx.example.test", refusedSolicitations: offer.refusedSolicitations),
            admission: Admission(directory: SmallDirectory(), options: .init(relay: relay, pace: pace)),
            spool: spool,
            recorder: recorder,
            clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let service = SMTPService(authority: reception, limits: limits, group: group)
        let origin = TLSIdentitySource.Origin.selfSigned(path: folder + "/certificate.pem", names: ["localhost"])
        let identity = try TLSIdentitySource(origin, now: .init(seconds: 1_800_000_000))
        let checkpoints = SMTPCheckpointStore(clock: clock, told: reception.checkpointTold)
        func listen(_ name: String, _ role: SMTPServerConfiguration.Role) async throws -> SocketAddress {
            let session = SMTPServerConfiguration(
                hostName: "mx.example.test",
                role: role,
                offersTLS: false,
                mechanisms: role == .submission ? ["PLAIN"] : [],
                postmaster: try EmailAddress(parsing: "alice@example.test"),
                offer: offer
            )
            var settings = SMTPServerHandler.Settings(
                session: session,
                tls: { identity.serverContext },
                isImplicitTLS: role == .submission,
                contentInMemory: .kibibytes(64),
                clock: clock
            )
            settings.checkpoints = checkpoints
            let point = ListeningPoint.address("127.0.0.1", port: 0)
            guard let address = try await service.listen(.init(name: name, point: point, settings: settings)) else {
                throw ChannelError.unknownLocalAddress
            }
            return address
        }
        let fixture = DoorFixture(
            spool: spool,
            reception: reception,
            service: service,
            recorder: recorder,
            smtp: try await listen("smtp", .transfer),
            submission: try await listen("submission", .submission)
        )
        do {
            try await body(fixture)
        } catch {
            await fixture.end()
            throw error
        }
        await fixture.end()
    }

    private func end() async {
        await service.stop(within: .seconds(240))
        await spool.close()
    }

    func connect(account: String? = nil) async throws -> SMTPClientConnection {
        let credentials = account.flatMap { name in
            Password("\(name.prefix { $0 != "@" })-secret").map {
                PasswordCredentials(authenticationIdentity: name, password: $0)
            }
        }
        let target = SMTPClientConnection.Target(
            address: account == nil ? smtp : submission,
            session: .init(hostName: "client.test", tls: account == nil ? .off : .implicit, credentials: credentials),
            tls: {
                var configuration = TLSConfiguration.makeClientConfiguration()
                configuration.certificateVerification = .none
                return try NIOSSLClientHandler(
                    context: NIOSSLContext(configuration: configuration),
                    serverHostname: nil
                )
            }
        )
        return try await SMTPClientConnection.connect(to: target, on: Self.group.any())
    }

    /// One message; what its recipients were answered.
    func send(
        _ content: String = "Subject: hello\r\n\r\nHello.\r\n",
        from sender: String = "carol@elsewhere.test",
        to recipients: String...,
        account: String? = nil
    ) async throws -> [String] {
        let connection = try await connect(account: account)
        let delivery = SMTPDelivery(
            reversePath: sender.isEmpty ? .null : .address(try EmailAddress(parsing: sender)),
            recipients: try recipients.map { EnvelopeRecipient(address: try EmailAddress(parsing: $0)) },
            size: content.utf8.count
        )
        let outcome = await connection.perform(delivery, content: ByteBuffer(string: content))
        await connection.close()
        return outcome.result.outcomes.map { outcome in
            switch outcome {
            case .accepted(let reply), .deferred(let reply), .failed(let reply): reply.oneLine
            case .notTried: "not tried"
            }
        }
    }

    /// The messages that the spool has, with all of their content.
    func spooled() throws -> [(id: QueueID, envelope: Envelope, content: String)] {
        try spool.ids().map { id in
            var content = ByteBuffer()
            for piece in 0..<(try spool.pieces(of: id)) {
                content.writeImmutableBuffer(try spool.content(id, piece: piece))
            }
            return (id, try spool.envelope(id), String(buffer: content))
        }
    }

    func events(_ kind: TraceEvent.Kind) -> [TraceEvent] { recorder.entries.map(\.event).filter { $0.kind == kind } }
}
