import DNSClient
import Directory
import Logging
import MailBytes
import MailEvents
import MailNames
import MailStore
import NIOCore
import NIOPosix
import NIOSSL
import Spool

extension DeliveryService {
    /// A delivery service over the real directory, mailboxes and network.
    ///
    /// - Parameters:
    ///   - eventLoop: where its state and its connections live.
    ///   - threads: where it reads the spool.
    ///   - suspensions: the file in which is written down which destinations the operator suspended.
    ///   - trusted: certificates that are trusted instead of the system's where certificates are checked.
    /// - Throws: when TLS cannot be set up.
    public static func make(
        options: DeliveryOptions,
        spool: Spool,
        directory: any Directory,
        lists: (any ListDirectory)? = nil,
        returnPaths: ReturnPathSigner? = nil,
        mailStore: MailStore,
        resolver: any DNSResolver,
        recorder: any TraceRecorder,
        clock: WallClock,
        eventLoop: any EventLoop,
        threads: NIOThreadPool,
        suspensions: String? = nil,
        trusted: [NIOSSLCertificate]? = nil,
        logger: Logger
    ) throws -> DeliveryService {
        DeliveryService(
            options: options,
            spool: spool,
            directory: directory,
            mailboxes: StoredMailboxes(store: mailStore),
            lists: lists,
            returnPaths: returnPaths,
            hosts: RelayConnector(
                lookup: DNSHostLookup(resolver: resolver),
                eventLoop: eventLoop,
                contexts: try OutboundTLS(trusted: trusted),
                clock: clock
            ),
            recorder: recorder,
            clock: clock,
            eventLoop: eventLoop,
            threads: threads,
            logger: logger,
            suspensionFile: suspensions.map { SuspensionFile(path: $0) },
            seed: UInt64.random(in: .min ... .max)
        )
    }
}
