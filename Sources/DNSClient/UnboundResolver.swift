import CUnbound
import Dispatch
import Foundation
import Glibc
import MailBytes
import Synchronization

/// Looks names up through libunbound: one context, one thread that waits for its answers.
///
/// libunbound keeps the cache, within its own bounds, and asks once for questions that are asked by many at a time.
public final class UnboundResolver: DNSResolver {
    /// How names are looked up.
    public struct Options: Sendable {
        /// Resolvers to ask, `HOST` or `HOST:PORT`; empty for those of /etc/resolv.conf.
        public var forwarders: [String] = []
        /// A file with trust anchors; `nil` for none, and then nothing is secure.
        public var trustAnchorFile: String?
        public var timeout = Duration.seconds(20)
        /// Questions at the same time; more wait.
        public var concurrentLookups = 512

        public init() {}
    }

    /// The resolver could not be set up.
    public struct SetupError: Error, CustomStringConvertible {
        public let description: String
    }

    private struct State {
        var pending: [Int: CheckedContinuation<Result<DNSAnswer, DNSFailure>, Never>] = [:]
        var next = 0
        var isStopped = false
    }

    // libunbound's context is safe for several threads; it is freed after the waiting thread has ended.
    private let context: UnsafeContext
    private let options: Options
    private let state = Mutex(State())
    private let gate: AsyncGate

    private struct UnsafeContext: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    /// - Throws: `SetupError`.
    public init(_ options: Options = Options()) throws {
        guard let context = ub_ctx_create() else { throw SetupError(description: "libunbound has no memory") }
        self.context = UnsafeContext(pointer: context)
        self.options = options
        self.gate = AsyncGate(width: options.concurrentLookups)
        try Self.configure(context, options)
        let thread = Thread { [state = WeakResolver(self), context = self.context] in
            Self.wait(context, for: state)
        }
        thread.name = "dns"
        thread.stackSize = 512 << 10
        thread.start()
    }

    private static func configure(_ context: OpaquePointer, _ options: Options) throws {
        func require(_ result: CInt, _ what: String) throws {
            guard result == 0 else {
                throw SetupError(description: "\(what): \(String(cString: ub_strerror(result)))")
            }
        }
        try require(ub_ctx_async(context, 1), "asynchronous look-ups")
        for (key, value) in [("msg-cache-size:", "4m"), ("rrset-cache-size:", "8m"), ("num-queries-per-thread:", "2048")] {
            _ = ub_ctx_set_option(context, key, value)
        }
        if let file = options.trustAnchorFile { try require(ub_ctx_add_ta_file(context, file), "trust anchors \(file)") }
        if options.forwarders.isEmpty {
            try require(ub_ctx_resolvconf(context, nil), "/etc/resolv.conf")
            return
        }
        _ = ub_ctx_set_option(context, "do-not-query-localhost:", "no")
        for forwarder in options.forwarders {
            // libunbound writes a port behind an @.
            let parts = forwarder.split(separator: ":")
            let address = parts.count == 2 ? "\(parts[0])@\(parts[1])" : forwarder
            try require(ub_ctx_set_fwd(context, address), "the resolver \(forwarder)")
        }
        // Built-in zones answer for these names themselves; whoever names a resolver means what that one says. Last, since it
        // ends the configuration.
        for zone in ["test.", "invalid.", "10.in-addr.arpa.", "168.192.in-addr.arpa.", "127.in-addr.arpa."] {
            _ = ub_ctx_zone_remove(context, zone)
        }
    }

    /// Ends the waiting thread; open questions fail.
    public func close() {
        let open = state.withLock { state in
            state.isStopped = true
            defer { state.pending = [:] }
            return Array(state.pending.values)
        }
        for continuation in open { continuation.resume(returning: .failure(DNSFailure(.resolver("closed"), name: "?"))) }
    }

    public func lookUp(_ name: String, _ type: DNSRecordType) async throws(DNSFailure) -> DNSAnswer {
        guard !name.isEmpty, name.utf8.count <= 255, !name.utf8.contains(0) else { throw DNSFailure(.invalidName, name: name) }
        await gate.enter()
        defer { gate.leave() }
        let result = await withCheckedContinuation { continuation in
            ask(name, type, continuation)
        }
        return try result.get()
    }

    private func ask(
        _ name: String,
        _ type: DNSRecordType,
        _ continuation: CheckedContinuation<Result<DNSAnswer, DNSFailure>, Never>
    ) {
        let number: Int? = state.withLock { state in
            guard !state.isStopped else { return nil }
            state.next += 1
            state.pending[state.next] = continuation
            return state.next
        }
        guard let number else {
            continuation.resume(returning: .failure(DNSFailure(.resolver("closed"), name: name)))
            return
        }
        let question = Unmanaged.passRetained(Question(resolver: self, number: number, name: name))
        let started = ub_resolve_async(
            context.pointer,
            name,
            CInt(type.rawValue),
            1,
            question.toOpaque(),
            answered,
            nil
        )
        guard started == 0 else {
            question.release()
            finish(number, .failure(DNSFailure(.resolver(String(cString: ub_strerror(started))), name: name)))
            return
        }
        let patience = Double(options.timeout.wholeMicroseconds) / 1_000_000
        DispatchQueue.global().asyncAfter(deadline: .now() + patience) { [weak self] in
            self?.finish(number, .failure(DNSFailure(.timedOut, name: name)))
        }
    }

    fileprivate func finish(_ number: Int, _ result: Result<DNSAnswer, DNSFailure>) {
        state.withLock { $0.pending.removeValue(forKey: number) }?.resume(returning: result)
    }

    private static func wait(_ context: UnsafeContext, for resolver: WeakResolver) {
        let descriptor = ub_fd(context.pointer)
        while resolver.isOpen {
            var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&event, 1, 500) > 0 else { continue }
            ub_process(context.pointer)
        }
        ub_ctx_delete(context.pointer)
    }

    fileprivate var isStopped: Bool { state.withLock { $0.isStopped } }
}

/// A resolver that its waiting thread does not keep alive.
private final class WeakResolver: @unchecked Sendable {
    // Weak references are safe to read from any thread.
    private weak var resolver: UnboundResolver?

    init(_ resolver: UnboundResolver) { self.resolver = resolver }

    var isOpen: Bool { resolver.map { !$0.isStopped } ?? false }
}

/// One question on its way through libunbound.
private final class Question: Sendable {
    let resolver: UnboundResolver
    let number: Int
    let name: String

    init(resolver: UnboundResolver, number: Int, name: String) {
        self.resolver = resolver
        self.number = number
        self.name = name
    }
}

/// libunbound's callback, on the waiting thread.
private func answered(_ data: UnsafeMutableRawPointer?, _ error: CInt, _ result: UnsafeMutablePointer<ub_result>?) {
    guard let data else { return }
    let question = Unmanaged<Question>.fromOpaque(data).takeRetainedValue()
    defer { ub_resolve_free(result) }
    question.resolver.finish(question.number, read(error, result, question.name))
}

private func read(
    _ error: CInt,
    _ result: UnsafeMutablePointer<ub_result>?,
    _ name: String
) -> Result<DNSAnswer, DNSFailure> {
    guard error == 0, let found = result?.pointee else {
        return .failure(DNSFailure(.resolver(String(cString: ub_strerror(error))), name: name))
    }
    if found.bogus != 0 {
        let why = found.why_bogus.map { String(cString: $0) } ?? "no reason given"
        return .failure(DNSFailure(.bogus(why), name: name))
    }
    let security: DNSAnswer.Security = found.secure != 0 ? .secure : .insecure
    let lifetime = Duration.seconds(Int64(max(0, found.ttl)))
    if found.nxdomain != 0 || found.rcode == 3 {
        return .success(DNSAnswer(existence: .noName, security: security, timeToLive: lifetime))
    }
    guard found.rcode == 0 else { return .failure(DNSFailure(.serverFailure(Int(found.rcode)), name: name)) }
    var records: [[UInt8]] = []
    var index = 0
    while index < 1000, let data = found.data?[index], let lengths = found.len {
        let count = Int(lengths[index])
        records.append(data.withMemoryRebound(to: UInt8.self, capacity: count) { Array(UnsafeBufferPointer(start: $0, count: count)) })
        index += 1
    }
    return .success(
        DNSAnswer(
            existence: records.isEmpty ? .noData : .found,
            security: security,
            records: records,
            canonicalName: found.canonname.map { String(cString: $0) },
            timeToLive: lifetime
        )
    )
}
