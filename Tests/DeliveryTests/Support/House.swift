import DeliveryScheduler
import Directory
import Foundation
import Logging
import MailBytes
import MailEvents
import MailNames
import NIOCore
import NIOPosix
import NIOSSL
import SMTPProtocol
import Spool
import Synchronization
import Testing

@testable import Delivery

/// A spool in a folder of its own and delivery over it, with everything around it in memory.
final class House: Sendable {
    let folder: String
    let spool: Spool
    let service: DeliveryService
    let recorder = SignallingRecorder()
    let directory: FakeDirectory
    let mailboxes = FakeMailboxes()
    let lookup = FakeLookup()
    let server = FakeServer()
    /// Signs with what everybody can do.
    let returnPaths = ReturnPathSigner { content in
        let sum = content.reduce(UInt32(17)) { ($0 &* 31) ^ UInt32($1) }
        return (0..<4).map { UInt8(truncatingIfNeeded: sum >> ($0 * 8)) }
    }
    let port: Int

    static let group = MultiThreadedEventLoopGroup.singleton

    /// Begins a house whose mail server of another domain, `far.test`, listens on loopback.
    init(
        folder: String? = nil,
        directory: FakeDirectory = FakeDirectory(),
        lists: (any ListDirectory)? = nil,
        starting: Bool = true,
        role: SMTPServerConfiguration.Role = .transfer,
        serverTLS: NIOSSLContext? = nil,
        limits: SMTPLimits = SMTPLimits(),
        offer: SMTPServiceOffer = SMTPServiceOffer(),
        trusted: [NIOSSLCertificate]? = nil,
        clock: WallClock = .system,
        spoolOptions: SpoolOptions = SpoolOptions(),
        takesClearTextPasswords: Bool = false,
        suspensions: String? = nil,
        files: (any SpoolFiles)? = nil,
        _ change: (inout DeliveryOptions, Int) -> Void = { _, _ in }
    ) async throws {
        self.folder = folder ?? FileManager.default.temporaryDirectory.path + "/martlet-\(UUID().uuidString)"
        self.directory = directory
        spool =
            if let files {
                try Spool(files: files, options: spoolOptions, clock: .system)
            } else {
                try Spool.open(folder: self.folder, options: spoolOptions, clock: .system)
            }
        port = try await server.start(
            Self.group,
            role: role,
            tls: serverTLS,
            limits: limits,
            takesClearTextPasswords: takesClearTextPasswords,
            offer: offer
        )
        var options = DeliveryOptions(hostName: try Domain(parsing: "mx.home.test"))
        options.outboundPort = port
        // No machine is so slow that these decide anything.
        (options.connectTimeout, options.connectionIdle) = (.seconds(240), .seconds(3600))
        options.stopGrace = .seconds(240)
        options.scheduler.retries = RetrySchedule(first: [.seconds(3600)])
        options.scheduler.probes = RetrySchedule(first: [.seconds(3600)])
        change(&options, port)
        let eventLoop = Self.group.any()
        service = DeliveryService(
            options: options,
            spool: spool,
            directory: directory,
            mailboxes: mailboxes,
            lists: lists,
            returnPaths: returnPaths,
            hosts: RelayConnector(
                lookup: lookup,
                eventLoop: eventLoop,
                contexts: try OutboundTLS(trusted: trusted),
                clock: clock
            ),
            recorder: recorder,
            clock: clock,
            eventLoop: eventLoop,
            threads: .singleton,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            suspensionFile: suspensions.map { SuspensionFile(path: $0) },
            seed: 1
        )
        directory.account("alice@home.test", 1)
        directory.account("bob@home.test", 2)
        lookup.mx("far.test", (10, "mx.far.test"))
        lookup.host("mx.far.test", "127.0.0.1")
        if starting { await service.start() }
    }

    /// Hands a message in, as a door does.
    @discardableResult
    func submit(
        from sender: String = "alice@home.test",
        to recipients: String...,
        content: String = House.message,
        change: (inout Envelope) -> Void = { _ in }
    ) async throws -> QueueID {
        let now = WallClock.system.now()
        var envelope = Envelope(
            reversePath: sender.isEmpty ? .null : .address(try EmailAddress(parsing: sender)),
            recipients: try recipients.map { EnvelopeRecipient(address: try EmailAddress(parsing: $0)) },
            origin: MessageOrigin(door: .smtp, transmissionType: "ESMTP"),
            received: now,
            expires: now + .seconds(5 * 24 * 3600)
        )
        change(&envelope)
        let (spool, loop) = (self.spool, service.eventLoop)
        let final = envelope
        return try await withCheckedThrowingContinuation { continuation in
            spool.commit(final, .buffers([ByteBuffer(string: content)]), on: loop) { continuation.resume(with: $0) }
        }
    }

    /// Ends delivery and the spool, and gives the number of messages that are left.
    func end(removing: Bool = true) async -> Int {
        await service.stop()
        await server.stop()
        await spool.close()
        let left = spool.count
        if removing { try? FileManager.default.removeItem(atPath: folder) }
        return left
    }

    static let message =
        "From: alice@home.test\r\nSubject: Hello\r\nMessage-ID: <1@home.test>\r\n\r\nA line.\r\n.\r\n..two\r\n"
}

extension DeliveryService {
    /// As when nothing else goes on: the scheduler's work is taken by the test alone.
    ///
    /// - Returns: whether it is there.
    @discardableResult func takeInAlone(_ id: QueueID, isHeld: Bool = false) async throws -> Bool {
        isPumpScheduled = true
        guard let message = await message(id) else { return false }
        if isHeld { message.isHeld = true }
        try await resolve(message)
        enqueue(message)
        return true
    }
}
