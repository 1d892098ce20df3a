import MailBytes
import NIOPosix
import Synchronization

/// The mailboxes of all accounts: one SQLite database an account, `FOLDER/<id % 256 as 2 hex>/<id>.db`.
///
/// Deliveries to one account that arrive while others are being written share the next transaction, so that a sync of the
/// disk serves many.
public final class MailStore: Sendable {
    /// Databases that stay open while nobody uses them.
    private static let idleDatabases = 64

    private struct Register {
        var accounts: [Int64: AccountStore] = [:]
        var users: [Int64: Int] = [:]
        /// Accounts without a user, and when they lost the last one, counted in losses.
        var idle: [Int64: UInt64] = [:]
        var losses: UInt64 = 0
        var isClosed = false
    }

    private let folder: String
    private let clock: WallClock
    let threads: NIOThreadPool
    private let register = Mutex(Register())

    /// A store.
    ///
    /// - Parameters:
    ///   - folder: the folder of the databases; made when it is not there, its parent has to be.
    ///   - threads: how many accounts are written or read at the same time.
    public init(folder: String, clock: WallClock, threads: Int = 2) {
        self.folder = folder
        self.clock = clock
        self.threads = NIOThreadPool(numberOfThreads: max(1, threads))
        self.threads.start()
    }

    /// Puts a message into the account's INBOX; durable on return. A repeated one is not stored again.
    public func deliver(_ item: LocalDelivery, to account: Int64) async throws -> DeliveredMessage {
        let delivered = try await deliver([item], to: account)
        guard let message = delivered.first else { throw MailStoreError(.damaged(account: account)) }
        return message
    }

    /// Puts messages into the account's INBOX, in order; durable on return. Where it throws, some of them may have been
    /// stored: repeat all, what has been stored is not stored again.
    public func deliver(_ items: [LocalDelivery], to account: Int64) async throws -> [DeliveredMessage] {
        let store = try borrow(account)
        defer { giveBack(account) }
        var delivered: [DeliveredMessage] = []
        var rest = items[...]
        while !rest.isEmpty {
            var cost = 0
            let fitting = rest.prefix(DeliveryBatch.messages).prefix { item in
                cost += item.content.cost
                return cost <= DeliveryBatch.bytes
            }
            let part = Array(rest.prefix(max(1, fitting.count)))
            rest = rest.dropFirst(part.count)
            delivered += try await withCheckedThrowingContinuation { reply in
                if store.enqueue(AccountStore.Request(items: part, reply: reply)) { write(store) }
            }
        }
        return delivered
    }

    /// The account's INBOX as it is now.
    public func maildrop(_ account: Int64) async throws -> Maildrop {
        let listing = try await use(account) { try $0.list() }
        return Maildrop(store: self, account: account, listing: listing)
    }

    /// Ends the threads and closes all databases. What is being written is finished, what waits is refused.
    public func close() async {
        register.withLock { $0.isClosed = true }
        // It fails where the threads have been ended before, and that is what is wanted.
        try? await threads.shutdownGracefully()
        let accounts = register.withLock { register in
            defer { register.accounts.removeAll() }
            return Array(register.accounts.values)
        }
        for account in accounts { account.close { true } }
    }

    /// Runs what may wait on one of the threads, with the account held open.
    func use<Value: Sendable>(
        _ account: Int64,
        _ body: @escaping @Sendable (AccountStore) throws -> Value
    ) async throws -> Value {
        let store = try borrow(account)
        defer { giveBack(account) }
        return try await threads.runIfActive { try body(store) }
    }

    private func write(_ store: AccountStore) {
        threads.submit { [self] state in
            guard case .active = state else { return store.refuseWaiting() }
            if store.writeBatch() { write(store) }
        }
    }

    // MARK: Open databases

    private func borrow(_ id: Int64) throws -> AccountStore {
        try register.withLock { register in
            guard !register.isClosed else { throw MailStoreError(.closed) }
            register.users[id, default: 0] += 1
            register.idle[id] = nil
            if let account = register.accounts[id] { return account }
            if register.accounts.isEmpty { try SystemFolder.make(folder) }
            let account = AccountStore(id: id, folder: folder, clock: clock)
            register.accounts[id] = account
            return account
        }
    }

    private func giveBack(_ id: Int64) {
        let surplus = register.withLock { register -> AccountStore? in
            let users = (register.users[id] ?? 1) - 1
            register.users[id] = users > 0 ? users : nil
            guard users == 0, !register.isClosed else { return nil }
            register.losses += 1
            register.idle[id] = register.losses
            guard register.idle.count > Self.idleDatabases,
                let oldest = register.idle.min(by: { $0.value < $1.value })?.key
            else { return nil }
            register.idle[oldest] = nil
            return register.accounts[oldest]
        }
        guard let surplus else { return }
        threads.submit { [self] state in
            // `close()` closes what is left.
            guard case .active = state else { return }
            surplus.close { register.withLock { $0.users[surplus.id] == nil } }
            register.withLock { register in
                guard register.users[surplus.id] == nil, register.idle[surplus.id] == nil else { return }
                register.accounts[surplus.id] = nil
            }
        }
    }
}
