import MailNames
import Synchronization

/// Answers from memory: for tests and for running without DNS.
public final class InMemoryResolver: DNSResolver {
    private struct Key: Hashable {
        var name: String
        var type: DNSRecordType
    }

    private struct State {
        var records: [Key: [[UInt8]]] = [:]
        var names: Set<String> = []
        var failures: [String: DNSFailure.Reason] = [:]

        /// Follows at most 12 aliases; a longer chain counts as a loop.
        func answer(_ asked: String, _ type: DNSRecordType) -> Result<DNSAnswer, DNSFailure> {
            var name = asked
            for _ in 0...12 {
                if let failure = failures[name] { return .failure(DNSFailure(failure, name: asked)) }
                if let found = records[Key(name: name, type: type)] {
                    return .success(DNSAnswer(existence: .found, records: found, canonicalName: name))
                }
                guard let alias = records[Key(name: name, type: .cname)]?.first, let target = DNSRecordData.name(alias)
                else {
                    let existence: DNSAnswer.Existence = names.contains(name) ? .noData : .noName
                    return .success(DNSAnswer(existence: existence, canonicalName: name))
                }
                name = target.lowercased()
            }
            return .failure(DNSFailure(.serverFailure(2), name: asked))
        }
    }

    private let state = Mutex(State())

    public init() {}

    /// Adds a mail exchanger; `nil` is the root, for the null MX of RFC 7505.
    public func addMailExchanger(_ preference: UInt16, _ host: String?, of name: String) {
        add([UInt8(preference >> 8), UInt8(preference & 0xFF)] + Self.wire(host ?? ""), .mx, name)
    }

    public func addAddress(_ address: IPAddress, of name: String) {
        add(address.bytes, address.isIPv4 ? .a : .aaaa, name)
    }

    /// Adds a record by its data.
    public func add(_ data: [UInt8], _ type: DNSRecordType, _ name: String) {
        state.withLock { state in
            state.records[Key(name: name.lowercased(), type: type), default: []].append(data)
            state.names.insert(name.lowercased())
        }
    }

    /// Makes a name another one's alias: RFC 1034 section 3.6.2.
    public func addAlias(_ name: String, of target: String) {
        add(Self.wire(target), .cname, name)
    }

    /// Makes look-ups of a name fail.
    public func fail(_ name: String, _ reason: DNSFailure.Reason) {
        state.withLock { $0.failures[name.lowercased()] = reason }
    }

    public func lookUp(_ name: String, _ type: DNSRecordType) async throws(DNSFailure) -> DNSAnswer {
        let result = state.withLock { $0.answer(name.lowercased(), type) }
        return try result.get()
    }

    private static func wire(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }
}
