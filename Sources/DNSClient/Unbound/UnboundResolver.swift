import Glibc
import MailBytes

/// Looks names up through libunbound, which caches, follows CNAMEs, and validates where it has trust anchors.
///
/// One thread owns the libunbound context: it hands questions over, waits for answers, and watches the time. Equal questions
/// that wait at the same time are asked once.
public final class UnboundResolver: DNSResolver {
    /// How names are looked up.
    public struct Options: Sendable {
        /// Resolvers to ask, `HOST` or `HOST:PORT`, an IPv6 address with a port in brackets; empty for those of
        /// /etc/resolv.conf, and where that cannot be read, the authoritative servers themselves.
        public var forwarders: [String] = []
        /// A file with trust anchors; `nil` for none, and then nothing is secure.
        public var trustAnchorFile: String?
        /// How long one look-up may take, the time that it waits for its turn included.
        public var timeout = Duration.seconds(20)
        /// Questions at the same time; more wait.
        public var concurrentLookups = 512
        /// Questions that may wait beyond those; more fail at once.
        public var waitingLookups = 10_000
        /// The bound of libunbound's caches together.
        public var cacheSize = ByteCount.mebibytes(12)

        public init() {}
    }

    /// The resolver could not be set up.
    public struct SetupError: Error, CustomStringConvertible {
        public let description: String
    }

    private let mailbox: LookupMailbox

    /// Starts the thread; it ends with the last reference, or with `close()`.
    public init(_ options: Options = Options()) throws(SetupError) {
        let mailbox = try LookupMailbox()
        let context = try UnboundContext(options)
        self.mailbox = mailbox
        let start = ThreadStart(context: context, mailbox: mailbox, options: options)
        let argument = Unmanaged.passRetained(start).toOpaque()
        var thread = pthread_t()
        let number = pthread_create(&thread, nil, runUnboundThread, argument)
        guard number == 0 else {
            Unmanaged<ThreadStart>.fromOpaque(argument).release()
            context.free()
            throw SetupError(description: "no thread for DNS: \(String(cString: strerror(number)))")
        }
        pthread_detach(thread)
    }

    deinit {
        mailbox.close()
    }

    /// Fails what waits and everything that is asked later, and ends the thread.
    public func close() {
        mailbox.close()
    }

    public func lookUp(_ name: String, _ type: DNSRecordType) async throws(DNSFailure) -> DNSAnswer {
        guard let question = LookupQuestion(name, type) else { throw DNSFailure(.invalidName, name: name) }
        let mailbox = mailbox
        let ticket = mailbox.ticket()
        let result: LookupWaiter.Outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waiter = LookupWaiter(ticket: ticket, question: question, continuation: continuation)
                if Task.isCancelled {
                    waiter.fail(.resolver("nobody waits for the answer"))
                } else {
                    mailbox.post(.ask(waiter))
                    // A cancellation in between had nothing to forget yet.
                    if Task.isCancelled { mailbox.post(.forget(ticket)) }
                }
            }
        } onCancel: {
            mailbox.post(.forget(ticket))
        }
        return try result.get()
    }
}

private final class ThreadStart: Sendable {
    let context: UnboundContext
    let mailbox: LookupMailbox
    let options: UnboundResolver.Options

    init(context: UnboundContext, mailbox: LookupMailbox, options: UnboundResolver.Options) {
        self.context = context
        self.mailbox = mailbox
        self.options = options
    }
}

// At file scope, since a closure made elsewhere may carry an actor's isolation, which traps on a thread of C's.
private func runUnboundThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
    UnboundThread(context: start.context, mailbox: start.mailbox, options: start.options).run()
    return nil
}
