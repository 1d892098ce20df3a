import GRDB
import MailBytes
import MailNames
import MailingLists
import NIOPosix
import SASL
import SQLDatabase
import Synchronization

/// The directory in a database of its own.
public final class SQLDirectory: Directory {
    /// Addresses whose answers are kept in memory.
    private static let cachedAddresses = 65_536
    /// Log-ins that are remembered for some minutes.
    private static let rememberedLogins = 16_384
    /// Passwords that may wait to be hashed: some ten seconds of work. Whoever comes then is told to try later.
    private static let waitingPasswords = 256

    let database: SQLDatabase
    let answers = AnswerCache(capacity: cachedAddresses)
    let exactAnswers = ExactAnswerCache(capacity: cachedAddresses)
    private let verified = VerifiedCredentials(capacity: rememberedLogins)
    private let hashing: NIOThreadPool
    private let passwordsInWork = Atomic(0)
    let clock: WallClock
    let rules: Mutex<NameRules>
    /// What new passwords are hashed with.
    let hashParameters: PasswordHash.Parameters
    /// Whether what SCRAM needs is kept of passwords.
    let keepsVerifiers: Bool
    /// What decoys are made from; the same as long as the database is.
    let decoySecret: [UInt8]
    /// What the tokens of lists and the tags of return paths are sealed with; the same as long as the database is.
    let seal: ListSeal
    /// Return paths that this directory's hosts alone can have written.
    public var returnPaths: ReturnPathSigner { ReturnPathSigner(seal: seal) }

    /// Opens the directory, making it when it is not there.
    ///
    /// - Parameters:
    ///   - path: the database file.
    ///   - hashingThreads: how many passwords may be hashed at the same time; each takes 19 MiB.
    ///   - hashParameters: what new passwords are hashed with.
    ///   - keepsVerifiers: whether what SCRAM needs is kept of passwords that are set, and of those of accounts that log
    ///     in with PLAIN or LOGIN, from now on; `nil` for what was said last, at first true.
    ///   - rules: what holds for names that nobody was given.
    /// - Throws: `SQLDatabaseError` when the file cannot be opened or is of a newer program.
    public init(
        path: String,
        clock: WallClock,
        hashingThreads: Int = 2,
        hashParameters: PasswordHash.Parameters = .standard,
        keepsVerifiers: Bool? = nil,
        rules: NameRules = NameRules()
    ) throws {
        self.database = try SQLDatabase.open(path: path, migrations: Self.migrations, durability: .full)
        self.decoySecret = try Self.decoySecret(in: self.database)
        self.seal = try Self.seal(in: self.database)
        self.keepsVerifiers = try Self.keepsVerifiers(keepsVerifiers, in: self.database)
        self.clock = clock
        self.hashParameters = hashParameters
        self.rules = Mutex(rules)
        self.hashing = NIOThreadPool(numberOfThreads: hashingThreads)
        self.hashing.start()
    }

    /// Ends the threads that hash passwords, and closes the database. Questions that come later cannot be answered.
    public func close() async {
        try? await hashing.shutdownGracefully()
        // Fails only while a question is still being answered: its connection ends with it.
        try? database.close()
    }

    // MARK: Recipients

    public func cachedAnswer(for address: EmailAddress) -> RecipientAnswer? {
        // Tags change from day to day: none is kept.
        answers[address.untagged]
    }

    public func answer(for tagged: EmailAddress) async throws(DirectoryError) -> RecipientAnswer {
        let address = tagged.untagged
        if let answer = answers[address] { return answer }
        let generation = answers.generation
        let rules = rules.withLock { $0 }
        let answer = try await read { try Self.answer(for: address, rules, in: $0) }
        answers.keep(answer, for: address, generation: generation)
        return answer
    }

    public func answers(for addresses: [EmailAddress]) async throws(DirectoryError) -> [EmailAddress: RecipientAnswer] {
        let generation = answers.generation
        let rules = rules.withLock(\.self)
        let found = try await read { database in
            var found: [EmailAddress: RecipientAnswer] = [:]
            var foreign: Set<MailHost> = []
            for address in addresses {
                if foreign.contains(address.host) {
                    found[address] = .notLocal
                    continue
                }
                let answer = try Self.answer(for: address.untagged, rules, in: database)
                // Our own name is no domain of ours, but has a postmaster.
                if answer == .notLocal && address.domain != rules.hostName { foreign.insert(address.host) }
                found[address] = answer
            }
            return found
        }
        for (address, answer) in found { answers.keep(answer, for: address.untagged, generation: generation) }
        return found
    }

    /// Other rules from now on.
    public func setRules(_ rules: NameRules) {
        self.rules.withLock { $0 = rules }
        answers.empty()
        exactAnswers.empty()
    }

    func currentRules() -> NameRules { rules.withLock { $0 } }

    public func isLocal(_ domain: Domain) async throws(DirectoryError) -> Bool {
        try await read { try Self.isLocal(domain, in: $0) }
    }

    // MARK: Accounts

    public func account(_ id: AccountID) async throws(DirectoryError) -> Account? {
        try await read { database in
            try Row.fetchOne(
                database,
                sql: "SELECT id, address, enabled FROM account WHERE id = ?",
                arguments: [id.rawValue]
            ).flatMap(Account.init(row:))
        }
    }

    public func account(_ id: AccountID, maySendAs address: EmailAddress) async throws(DirectoryError) -> Bool {
        switch try await answer(for: address) {
        case .account(let owner) where owner == id: return true
        case .alias(let targets):
            if targets.count == 1, let target = targets.first, try await answer(for: target) == .account(id) {
                return true
            }
        case .account, .list, .mixedAlias, .moved, .disabled, .relayDomain, .unknownRecipient, .notLocal: break
        }
        return try await isListedSender(address, of: id)
    }

    public func authenticate(_ credentials: PasswordCredentials) async throws(DirectoryError) -> Account? {
        // Acting as somebody else is for administrators, whom this directory does not know: RFC 4616 section 2.
        if let other = credentials.authorizationIdentity, other != credentials.authenticationIdentity { return nil }
        if let account = verified.account(for: credentials, now: clock.now()) { return account }
        let generation = verified.generation
        let name = credentials.authenticationIdentity
        let digest = AppPassword.digest(credentials.password)
        let row = try await read { database in try Self.login(name, appPassword: digest, in: database) }
        if let row, row.isAppPassword { return row.account.isEnabled ? row.account : nil }
        let stored = row.flatMap { try? PasswordHash(phc: $0.hash) } ?? .decoy
        let fits = try await onHashingThread { try stored.verify(credentials.password) }
        guard fits, let row, row.account.isEnabled else { return nil }
        verified.remember(credentials, account: row.account, now: clock.now(), generation: generation)
        if keepsVerifiers, !row.hasVerifier { await addVerifier(credentials.password, of: row) }
        return row.account
    }

    // MARK: Access for the other files

    var present: Timestamp { clock.now() }

    func onHashingThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws(DirectoryError) -> Value {
        let inWork = passwordsInWork.add(1, ordering: .relaxed).newValue
        defer { passwordsInWork.subtract(1, ordering: .relaxed) }
        guard inWork <= Self.waitingPasswords else { throw DirectoryError(.unavailable) }
        do { return try await hashing.runIfActive(body) } catch { throw DirectoryError(error) }
    }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (GRDB.Database) throws -> Value
    ) async throws(DirectoryError) -> Value {
        do { return try await database.read(body) } catch { throw DirectoryError(error) }
    }

    /// Makes a change that no answer and no password depends on, durable on return.
    func changeMembers<Value: Sendable>(
        _ body: @escaping @Sendable (GRDB.Database) throws -> Value
    ) async throws(DirectoryError) -> Value {
        do { return try await database.write(body) } catch { throw DirectoryError(error) }
    }

    /// Makes a change, durable on return, and forgets what was cached before it.
    func change<Value: Sendable>(
        _ body: @escaping @Sendable (GRDB.Database) throws -> Value
    ) async throws(DirectoryError) -> Value {
        let value = try await changeMembers(body)
        answers.empty()
        exactAnswers.empty()
        verified.forgetAll()
        return value
    }
}
