import Directory
import MailBytes
import MailEvents
import MailNames
import MailStore
import MailingLists
import NIOCore
import SASL
import SMTPProtocol
import Synchronization

@testable import Delivery

/// Keeps what happened, and tells those who wait for something to happen.
final class SignallingRecorder: TraceRecorder {
    private struct Waiting {
        var number: Int
        var isMet: @Sendable ([TraceEntry]) -> Bool
        var continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var entries: [TraceEntry] = []
        var waiting: [Waiting] = []
        var waits = 0
    }

    private let state = Mutex(State())

    var entries: [TraceEntry] { state.withLock { $0.entries } }

    func record(_ entry: TraceEntry) {
        let met = state.withLock { state -> [Waiting] in
            state.entries.append(entry)
            let entries = state.entries
            let met = state.waiting.filter { $0.isMet(entries) }
            state.waiting.removeAll { $0.isMet(entries) }
            return met
        }
        for waiting in met { waiting.continuation.resume() }
    }

    /// Waits until so many events of a kind were recorded.
    func wait(for kind: TraceEvent.Kind, count: Int = 1) async {
        await wait { entries in entries.count { $0.event.kind == kind } >= count }
    }

    func wait(until isMet: @escaping @Sendable ([TraceEntry]) -> Bool) async {
        let number = state.withLock { state in
            state.waits += 1
            return state.waits
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isMetNow = state.withLock { state in
                    if isMet(state.entries) || Task.isCancelled { return true }
                    state.waiting.append(Waiting(number: number, isMet: isMet, continuation: continuation))
                    return false
                }
                if isMetNow { continuation.resume() }
            }
        } onCancel: {
            // A test whose time is up ends, instead of holding up all others.
            let given = state.withLock { state -> [Waiting] in
                let given = state.waiting.filter { $0.number == number }
                state.waiting.removeAll { $0.number == number }
                return given
            }
            for waiting in given { waiting.continuation.resume() }
        }
    }

    func events(_ kind: TraceEvent.Kind) -> [TraceEvent] { entries.map(\.event).filter { $0.kind == kind } }
}

/// A directory of a few names, in which nothing has to be waited for unless it is said so.
final class FakeDirectory: Directory {
    private struct State {
        var answers: [String: RecipientAnswer] = [:]
        var domains: Set<String> = []
        var isUnavailable = false
        var lists: [String: ListID] = [:]
        var owned: [String: Timestamp] = [:]
        var whenAsked: (@Sendable () async -> Void)?
    }

    private let state = Mutex(State())
    let isCaching: Bool

    init(isCaching: Bool = true) {
        self.isCaching = isCaching
    }

    func account(_ address: String, _ number: Int64) { set(address, .account(AccountID(number))) }

    func alias(_ address: String, _ targets: String...) {
        set(address, .alias(targets.compactMap { try? EmailAddress(parsing: $0) }))
    }

    func outlet(_ address: String, _ target: AliasTarget) { set(address, .mixedAlias([target])) }

    /// An address of a list, and with it those of its roles.
    func list(_ address: String, _ id: ListID) { state.withLock { $0.lists[address] = id } }

    private static func answer(_ address: EmailAddress, _ lists: [String: ListID]) -> RecipientAnswer? {
        if let id = lists[address.description] { return .list(ListTarget(id, .post)) }
        guard let (name, role) = ListRole.parse(address.localPart.text) else { return nil }
        return lists["\(name)@\(address.host.ascii)"].map { .list(ListTarget($0, role)) }
    }

    private func set(_ address: String, _ answer: RecipientAnswer) {
        state.withLock { state in
            state.answers[address] = answer
            if let domain = address.split(separator: "@").last { state.domains.insert(String(domain)) }
        }
    }

    func own(_ address: String, since time: Timestamp) { state.withLock { $0.owned[address] = time } }

    func ownedSince(_ address: EmailAddress) async throws(DirectoryError) -> Timestamp? {
        await beAsked()
        return state.withLock { $0.owned[address.description] }
    }

    func setUnavailable(_ value: Bool) { state.withLock { $0.isUnavailable = value } }

    /// What happens, once, while the next answer is waited for.
    func whenAsked(_ body: @escaping @Sendable () async -> Void) { state.withLock { $0.whenAsked = body } }

    private func beAsked() async {
        let body = state.withLock { state in
            defer { state.whenAsked = nil }
            return state.whenAsked
        }
        await body?()
    }

    private func find(_ address: EmailAddress) -> RecipientAnswer {
        state.withLock { state in
            state.answers[address.description] ?? Self.answer(address, state.lists)
                ?? (state.domains.contains(address.host.ascii) ? .unknownRecipient : .notLocal)
        }
    }

    func cachedAnswer(for address: EmailAddress) -> RecipientAnswer? { isCaching ? find(address) : nil }

    func answer(for address: EmailAddress) async throws(DirectoryError) -> RecipientAnswer {
        await beAsked()
        if state.withLock({ $0.isUnavailable }) { throw DirectoryError(.unavailable) }
        return find(address)
    }

    func isLocal(_ domain: Domain) async throws(DirectoryError) -> Bool {
        state.withLock { $0.domains.contains(domain.ascii) }
    }

    func authenticate(_ credentials: PasswordCredentials) async throws(DirectoryError) -> Account? { nil }
    func account(_ id: AccountID) async throws(DirectoryError) -> Account? { nil }
    func account(_ id: AccountID, maySendAs address: EmailAddress) async throws(DirectoryError) -> Bool { false }
}

/// Mailboxes in memory.
final class FakeMailboxes: MailboxWriter {
    struct Written: Sendable {
        var account: AccountID
        var recipient: String
        var text: String
    }

    private struct State {
        var written: [Written] = []
        var keys: Set<String> = []
        var failure: DeliveryFailure?
        var batches = 0
    }

    private let state = Mutex(State())

    var written: [Written] { state.withLock { $0.written } }
    var batches: Int { state.withLock { $0.batches } }

    func fail(_ failure: DeliveryFailure?) { state.withLock { $0.failure = failure } }

    func write(_ messages: [LocalDelivery], to account: AccountID) async -> [LocalOutcome] {
        state.withLock { state in
            state.batches += 1
            return messages.map { message in
                if let failure = state.failure { return .failed(failure) }
                let text =
                    switch message.content {
                    case .whole(let prefix, let body): String(decoding: prefix, as: UTF8.self) + String(buffer: body)
                    case .pieces(let prefix, let count, let read):
                        String(decoding: prefix, as: UTF8.self)
                            + (0..<count).compactMap { try? String(buffer: read($0)) }.joined()
                    }
                if state.keys.insert("\(message.queueID) \(message.recipient)").inserted {
                    state.written.append(
                        Written(account: account, recipient: message.recipient, text: text)
                    )
                }
                return .written(mailbox: "INBOX, UID \(state.written.count)")
            }
        }
    }
}

/// DNS in memory.
final class FakeLookup: HostLookup {
    private struct State {
        var exchangers: [String: LookupAnswer<[MailExchanger]>] = [:]
        var addresses: [String: LookupAnswer<[IPAddress]>] = [:]
        var signed: Set<String> = []
        var whenAsked: (@Sendable () async -> Void)?
    }

    private let state = Mutex(State())

    func mx(_ domain: String, _ hosts: (UInt16, String?)...) {
        let found = hosts.map { MailExchanger($0.0, $0.1.flatMap { try? Domain(parsing: $0) }) }
        state.withLock { $0.exchangers[domain] = .found(found, text: "MX of \(domain)") }
    }

    func mxAnswer(_ domain: String, _ answer: LookupAnswer<[MailExchanger]>) {
        state.withLock { $0.exchangers[domain] = answer }
    }

    func sign(_ domain: String) { state.withLock { _ = $0.signed.insert(domain) } }

    func hasSignedExchangers(_ domain: Domain) async -> Bool { state.withLock { $0.signed.contains(domain.ascii) } }

    func host(_ name: String, _ addresses: String...) {
        let found = addresses.compactMap { IPAddress($0) }
        state.withLock { $0.addresses[name] = .found(found, text: "A of \(name)") }
    }

    /// What happens, once, while the next answer is waited for.
    func whenAsked(_ body: @escaping @Sendable () async -> Void) { state.withLock { $0.whenAsked = body } }

    func mailExchangers(of domain: Domain) async -> LookupAnswer<[MailExchanger]> {
        let body = state.withLock { state in
            defer { state.whenAsked = nil }
            return state.whenAsked
        }
        await body?()
        return state.withLock { state in
            state.exchangers[domain.ascii] ?? (state.addresses[domain.ascii] == nil ? .noSuchName : .noRecords)
        }
    }

    func addresses(of host: Domain) async -> LookupAnswer<[IPAddress]> {
        state.withLock { $0.addresses[host.ascii] ?? .noSuchName }
    }
}
