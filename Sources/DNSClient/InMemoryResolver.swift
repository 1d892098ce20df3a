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

    /// Makes look-ups of a name fail.
    public func fail(_ name: String, _ reason: DNSFailure.Reason) {
        state.withLock { $0.failures[name.lowercased()] = reason }
    }

    public func lookUp(_ name: String, _ type: DNSRecordType) async throws(DNSFailure) -> DNSAnswer {
        let name = name.lowercased()
        let (failure, answer) = state.withLock { state -> (DNSFailure.Reason?, DNSAnswer) in
            let records = state.records[Key(name: name, type: type)] ?? []
            let existence: DNSAnswer.Existence =
                records.isEmpty ? (state.names.contains(name) ? .noData : .noName) : .found
            return (state.failures[name], DNSAnswer(existence: existence, records: records))
        }
        if let failure { throw DNSFailure(failure, name: name) }
        return answer
    }

    private static func wire(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }
}
