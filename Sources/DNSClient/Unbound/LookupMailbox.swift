import Glibc
import MailBytes
import Synchronization

/// A name and a type that are asked for, in the form in which equal questions are equal.
struct LookupQuestion: Hashable, Sendable {
    /// In lower case and without a final dot.
    let name: String
    let type: DNSRecordType

    /// `nil` for what cannot be a name: RFC 1035 section 2.3.4; escapes are not taken.
    init?(_ name: String, _ type: DNSRecordType) {
        var bytes = name.utf8.map(\.asciiLowercased)
        if bytes.last == .dot { bytes.removeLast() }
        guard (1...253).contains(bytes.count), bytes.allSatisfy({ $0.isVisible && $0 != .backslash }) else {
            return nil
        }
        let labels = bytes.split(separator: .dot, omittingEmptySubsequences: false)
        guard labels.allSatisfy({ (1...63).contains($0.count) }) else { return nil }
        self.name = String(decoding: bytes, as: UTF8.self)
        self.type = type
    }
}

/// One task that waits for an answer.
struct LookupWaiter: Sendable {
    typealias Outcome = Result<DNSAnswer, DNSFailure>

    let ticket: UInt64
    let question: LookupQuestion
    let continuation: CheckedContinuation<Outcome, Never>

    func resume(_ outcome: Outcome) {
        continuation.resume(returning: outcome)
    }

    func fail(_ reason: DNSFailure.Reason) {
        resume(.failure(DNSFailure(reason, name: question.name)))
    }
}

/// Where tasks leave what the resolver's thread is to do, and wake it.
final class LookupMailbox: Sendable {
    enum Letter: Sendable {
        case ask(LookupWaiter)
        /// The task with this ticket no longer wants its answer.
        case forget(UInt64)
    }

    private struct State {
        var letters: [Letter] = []
        var isClosed = false
        /// Whether a byte that wakes the thread is on its way.
        var isWoken = false
    }

    /// Becomes readable when there is something to do.
    let wakeDescriptor: CInt
    private let writeDescriptor: CInt
    private let state = Mutex(State())
    private let tickets = Atomic<UInt64>(0)

    init() throws(UnboundResolver.SetupError) {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw UnboundResolver.SetupError(description: "no pipe for DNS: \(String(cString: strerror(errno)))")
        }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK)
        }
        wakeDescriptor = ends[0]
        writeDescriptor = ends[1]
    }

    deinit {
        Glibc.close(wakeDescriptor)
        Glibc.close(writeDescriptor)
    }

    /// A number that no other waiter has.
    func ticket() -> UInt64 {
        tickets.wrappingAdd(1, ordering: .relaxed).newValue
    }

    /// Leaves a letter; a question to a closed resolver fails.
    func post(_ letter: Letter) {
        let isTaken = state.withLock { state in
            guard !state.isClosed else { return false }
            state.letters.append(letter)
            wake(&state)
            return true
        }
        guard !isTaken, case .ask(let waiter) = letter else { return }
        waiter.fail(.resolver("closed"))
    }

    func close() {
        state.withLock { state in
            state.isClosed = true
            wake(&state)
        }
    }

    /// All letters since the last time, and whether it is time to end.
    func collect() -> (letters: [Letter], isClosed: Bool) {
        state.withLock { state in
            if state.isWoken {
                var byte: UInt8 = 0
                _ = read(wakeDescriptor, &byte, 1)
                state.isWoken = false
            }
            defer { state.letters = [] }
            return (state.letters, state.isClosed)
        }
    }

    private func wake(_ state: inout State) {
        guard !state.isWoken else { return }
        var byte: UInt8 = 1
        state.isWoken = write(writeDescriptor, &byte, 1) == 1
    }
}
