import Glibc
import Synchronization
import Testing

/// A name server on loopback that answers by UDP as the test tells it, on a port that the system chose.
final class TestNameServer: Sendable {
    enum Reply: Sendable {
        /// Each with its data, under the name that was asked for.
        case records([[UInt8]])
        /// A response code: RFC 1035 section 4.1.1.
        case code(UInt8)
        case silence
    }

    private struct State {
        var replies: [String: Reply]
        var counts: [String: Int] = [:]
        var isHeld = false
        var held: [(query: [UInt8], from: sockaddr_in)] = []
        var isClosed = false
    }

    let port: Int
    private let descriptor: CInt
    private let state: Mutex<State>

    /// - Parameter replies: by `name TYPE-NUMBER`, `example.test 15`; what is not there does not exist.
    init(_ replies: [String: Reply]) throws {
        descriptor = socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        try #require(bound)
        port = Int(UInt16(bigEndian: address.sin_port))
        state = Mutex(State(replies: replies))
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(self).toOpaque()
        try #require(pthread_create(&thread, nil, serveNames, argument) == 0)
        pthread_detach(thread)
    }

    var resolver: String { "127.0.0.1:\(port)" }

    /// How often a question arrived.
    func count(_ question: String) -> Int { state.withLock { $0.counts[question] ?? 0 } }

    /// Keeps questions unanswered until `release()`.
    func hold() { state.withLock { $0.isHeld = true } }

    /// Answers what was kept, and what comes from now on.
    func release() {
        let held = state.withLock { state in
            state.isHeld = false
            defer { state.held = [] }
            return state.held
        }
        for (query, address) in held { answer(query, address) }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        shutdown(descriptor, CInt(SHUT_RDWR))
    }

    fileprivate func serve() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !state.withLock(\.isClosed) {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 100) > 0 else { continue }
            var address = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let count = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(descriptor, &buffer, buffer.count, 0, $0, &length)
                }
            }
            guard count > 16 else { continue }
            let query = Array(buffer[..<count])
            let isHeld = state.withLock { state in
                state.counts[Self.question(query).text, default: 0] += 1
                if state.isHeld { state.held.append((query, address)) }
                return state.isHeld
            }
            if !isHeld { answer(query, address) }
        }
        Glibc.close(descriptor)
    }

    private func answer(_ query: [UInt8], _ address: sockaddr_in) {
        let (question, end) = Self.question(query)
        let reply = state.withLock { $0.replies[question] } ?? .code(3)
        var response = Array(query[..<end])
        var code: UInt8 = 0
        var records: [[UInt8]] = []
        switch reply {
        case .silence: return
        case .code(let given): code = given
        case .records(let given): records = given
        }
        // QR, RD; RA and the code; one question, the answers, nothing else.
        response.replaceSubrange(2..<12, with: [0x81, 0x80 | code, 0, 1, 0, UInt8(records.count), 0, 0, 0, 0])
        for data in records {
            response += [0xC0, 12] + query[(end - 4)..<end] + [0, 0, 0, 60]
            response += [UInt8(data.count >> 8), UInt8(data.count & 0xFF)] + data
        }
        var address = address
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(descriptor, response, response.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// The question as text, and where it ends.
    private static func question(_ query: [UInt8]) -> (text: String, end: Int) {
        var labels: [String] = []
        var index = 12
        while index < query.count - 4, query[index] != 0 {
            let length = min(Int(query[index]), query.count - index - 5)
            labels.append(String(decoding: query[(index + 1)..<(index + 1 + length)], as: UTF8.self).lowercased())
            index += 1 + length
        }
        let type = Int(query[index + 1]) << 8 | Int(query[index + 2])
        return ("\(labels.joined(separator: ".")) \(type)", index + 5)
    }
}

private func serveNames(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<TestNameServer>.fromOpaque(argument).takeRetainedValue().serve()
    return nil
}
