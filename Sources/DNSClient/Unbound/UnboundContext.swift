import CUnbound
import Glibc

/// A libunbound context, set up and ready to be asked.
///
/// `@unchecked Sendable`: `UnboundResolver.init` makes it, keeps no reference, and passes it to `pthread_create`, which
/// orders what was done before it; from then on `UnboundThread` alone uses and frees it. If no thread could be made,
/// nobody else has seen it, and the initializer frees it.
struct UnboundContext: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Zones that libunbound answers itself (RFC 6761, RFC 6303), although a resolver that was named may know better.
    private static let builtInZones =
        [
            "test.", "invalid.", "localhost.", "home.arpa.", "127.in-addr.arpa.", "10.in-addr.arpa.",
            "168.192.in-addr.arpa.", "254.169.in-addr.arpa.", "d.f.ip6.arpa.",
            "1." + String(repeating: "0.", count: 31) + "ip6.arpa.",
        ] + (16...31).map { "\($0).172.in-addr.arpa." }

    init(_ options: UnboundResolver.Options) throws(UnboundResolver.SetupError) {
        guard let context = ub_ctx_create() else {
            throw UnboundResolver.SetupError(description: "libunbound has no memory")
        }
        pointer = context
        do throws(UnboundResolver.SetupError) {
            try setUp(options)
        } catch {
            free()
            throw error
        }
    }

    func free() {
        ub_ctx_delete(pointer)
    }

    private func setUp(_ options: UnboundResolver.Options) throws(UnboundResolver.SetupError) {
        // Errors come back as values; libunbound would write its own to standard error.
        try require(ub_ctx_debugout(pointer, nil), "silence")
        // A thread rather than a process.
        try require(ub_ctx_async(pointer, 1), "asynchronous look-ups")
        let share = max(1 << 20, options.cacheSize.bytes / 3)
        try set("msg-cache-size:", "\(share)")
        try set("rrset-cache-size:", "\(share * 2)")
        try set("num-queries-per-thread:", "\(max(256, options.concurrentLookups * 4))")
        try set("outgoing-range:", "\(max(64, options.concurrentLookups * 2))")
        // Answers that fit no unfragmented packet come by TCP: RFC 9715 section 3.
        try set("edns-buffer-size:", "1232")
        try set("do-not-query-localhost:", "no")
        if let file = options.trustAnchorFile {
            try require(ub_ctx_add_ta_file(pointer, file), "trust anchors \(file)")
        }
        if options.forwarders.isEmpty {
            // Without the system's resolvers, libunbound asks from the root down.
            _ = ub_ctx_resolvconf(pointer, nil)
        } else {
            try set("unblock-lan-zones:", "yes")
        }
        for forwarder in options.forwarders {
            try require(ub_ctx_set_fwd(pointer, Self.address(of: forwarder)), "the resolver \(forwarder)")
        }
        // Last, since the first removal settles the options and shows whether they are right. Removing a zone that is
        // not there is no error.
        let zones = options.forwarders.isEmpty ? ["settled.invalid."] : Self.builtInZones
        for zone in zones { try require(ub_ctx_zone_remove(pointer, zone), "settling the options") }
    }

    /// libunbound writes a port behind an `@`: `127.0.0.1@5353`.
    static func address(of forwarder: String) -> String {
        let isBareV6 = !forwarder.hasPrefix("[") && forwarder.count { $0 == ":" } > 1
        guard !isBareV6 else { return forwarder }
        var host = Substring(forwarder)
        var port = ""
        if let colon = forwarder.lastIndex(of: ":"), !forwarder[colon...].contains("]") {
            host = forwarder[..<colon]
            port = "@" + forwarder[forwarder.index(after: colon)...]
        }
        return host.filter { $0 != "[" && $0 != "]" } + port
    }

    private func set(_ option: String, _ value: String) throws(UnboundResolver.SetupError) {
        try require(ub_ctx_set_option(pointer, option, value), "\(option) \(value)")
    }

    private func require(_ code: CInt, _ what: String) throws(UnboundResolver.SetupError) {
        guard code != 0 else { return }
        throw UnboundResolver.SetupError(description: "DNS, \(what): \(String(cString: ub_strerror(code)))")
    }
}
