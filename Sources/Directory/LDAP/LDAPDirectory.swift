import Crypto
import MailBytes
import MailNames
import SASL
import Synchronization

/// The names that a directory server knows. Which domains are ours is not its to say: see `JointDirectory`.
///
/// While the server cannot be asked, what was answered lately holds; everything else is `DirectoryError.unavailable`, which
/// senders and clients are told with a 4yz reply.
public final class LDAPDirectory: Sendable {
    /// Answers that are kept; a full table is emptied.
    private static let cachedAnswers = 65_536
    /// Log-ins that fail are not answered before that, whatever the reason: RFC 4954 section 9 and common sense.
    private static let failureTime: Duration = .milliseconds(300)

    private struct Cached {
        var answer: RecipientAnswer?
        var until: Timestamp
    }

    private struct State {
        var answers: [String: Cached] = [:]
        /// When trouble was told last; `nil` where there is none.
        var troubleTold: Timestamp?
    }

    private let connections: LDAPConnections
    private let clock: WallClock
    private let state = Mutex(State())
    private let onChange: @Sendable (_ sentence: String, _ isTrouble: Bool) -> Void
    private var options: LDAPOptions { connections.options }

    /// - Parameter onChange: is told in a sentence that the server cannot be asked, once a minute at most, and that it can again.
    public init(
        _ options: LDAPOptions,
        clock: WallClock,
        onChange: @escaping @Sendable (_ sentence: String, _ isTrouble: Bool) -> Void
    ) {
        connections = LDAPConnections(options)
        self.clock = clock
        self.onChange = onChange
    }

    /// Ends its threads and connections.
    public func close() async { await connections.close() }

    // MARK: Recipients

    /// What is known of an address without asking; `nil` where nothing is.
    func cachedAnswer(for address: String) -> RecipientAnswer?? {
        let now = clock.now()
        return state.withLock { state in
            guard let cached = state.answers[address], cached.until > now else { return nil }
            return .some(cached.answer)
        }
    }

    /// What the server says of an address in a domain that is ours; `nil` where it knows nobody of that name.
    func answer(for address: String) async throws(DirectoryError) -> RecipientAnswer? {
        if let known = cachedAnswer(for: address) { return known }
        let options = options
        let answer = try await asking { connections throws(DirectoryError) in
            try await connections.ask { connection throws(LDAPFailure) in
                try Self.find(address, connection, options)
            }
        }
        let lifetime = answer == nil ? options.cacheTime / 5 : options.cacheTime
        let until = clock.now() + lifetime
        state.withLock { state in
            if state.answers.count >= Self.cachedAnswers { state.answers.removeAll(keepingCapacity: true) }
            state.answers[address] = Cached(answer: answer, until: until)
        }
        return answer
    }

    private static func find(
        _ address: String,
        _ connection: LDAPConnection,
        _ options: LDAPOptions
    ) throws(LDAPFailure) -> RecipientAnswer? {
        let filter = LDAPFilter.fill(options.recipientFilter, with: address)
        let people = try connection.search(filter, ["entryUUID"], limit: 2)
        guard people.count < 2 else {
            // Whose mailbox it would be is nothing to guess at; the sender tries again while somebody mends it.
            throw LDAPFailure(code: LDAPCode.ambiguous, step: "more than one entry has the address \(address)")
        }
        if let person = people.first { return .account(AccountID(person)) }
        guard !options.aliasFilter.isEmpty else { return nil }
        let aliases = try connection.search(
            LDAPFilter.fill(options.aliasFilter, with: address),
            [options.aliasAttribute],
            limit: CInt(LDAPOptions.aliasTargets)
        )
        var targets: [EmailAddress] = []
        for alias in aliases {
            for text in alias.values[options.aliasAttribute.lowercased()] ?? [] {
                guard targets.count < LDAPOptions.aliasTargets else { break }
                if let target = try? EmailAddress(parsing: text), !targets.contains(target) { targets.append(target) }
            }
        }
        return targets.isEmpty ? nil : .alias(targets)
    }

    // MARK: Log-ins

    /// The account that a name and password belong to, found out by logging in to the server as it; `nil` when they do not fit.
    func authenticate(_ credentials: PasswordCredentials) async throws(DirectoryError) -> Account? {
        let began = ContinuousClock.now
        let account = try await verified(credentials)
        // Nobody is to learn from the time whether it was the name or the password.
        if account == nil { try? await Task.sleep(until: began + Self.failureTime) }
        return account
    }

    private func verified(_ credentials: PasswordCredentials) async throws(DirectoryError) -> Account? {
        if let other = credentials.authorizationIdentity, other != credentials.authenticationIdentity { return nil }
        // A log-in without a password succeeds as nobody: RFC 4513 section 5.1.2.
        guard !credentials.password.bytes.isEmpty else { return nil }
        let entry = try await self.entry(named: credentials.authenticationIdentity)
        let distinguishedName = entry?.name ?? "cn=nobody,\(options.base)"
        let fits = try await asking { connections throws(DirectoryError) in
            try await connections.check { connection throws(LDAPFailure) in
                try connection.fits(distinguishedName, credentials.password)
            }
        }
        return fits ? entry.flatMap { account($0) } : nil
    }

    /// The account that logs in under a name, where something else than a password has shown that it is who it says.
    func account(named name: String) async throws(DirectoryError) -> Account? {
        try await entry(named: name).flatMap { account($0) }
    }

    /// The one entry of a name to log in with; `nil` where there is none, or more.
    private func entry(named name: String) async throws(DirectoryError) -> LDAPEntry? {
        let options = options
        let found = try await asking { connections throws(DirectoryError) in
            try await connections.ask { connection throws(LDAPFailure) in
                let filter = LDAPFilter.fill(options.loginFilter, with: name)
                return try connection.search(filter, ["entryUUID", options.addressAttribute], limit: 2)
            }
        }
        return found.count == 1 ? found.first : nil
    }

    private func account(_ entry: LDAPEntry) -> Account? {
        guard let text = entry.values[options.addressAttribute.lowercased()]?.first,
            let address = try? EmailAddress(parsing: text)
        else { return nil }
        return Account(id: AccountID(entry), address: address, isEnabled: true)
    }

    // MARK: Trouble

    private func asking<Value: Sendable>(
        _ body: (LDAPConnections) async throws(DirectoryError) -> Value
    ) async throws(DirectoryError) -> Value {
        do throws(DirectoryError) {
            let value = try await body(connections)
            if state.withLock({ state in
                defer { state.troubleTold = nil }
                return state.troubleTold != nil
            }) {
                onChange("The LDAP server \(options.url) answers again.", false)
            }
            return value
        } catch {
            tell(error)
            throw error
        }
    }

    private func tell(_ error: DirectoryError) {
        let now = clock.now()
        let isNew = state.withLock { state in
            if let told = state.troubleTold, now - told < .seconds(60) { return false }
            state.troubleTold = now
            return true
        }
        guard isNew else { return }
        let reason = error.underlying.map { "\($0)" } ?? "too many questions wait for it"
        onChange(
            "The LDAP server cannot be asked (\(reason)). Recipients and log-ins that it alone knows are put off with 4xx until it "
                + "answers: see whether it runs, and what ldap.url and ldap.bind-name say.",
            true
        )
    }
}

enum LDAPCode {
    /// LDAP_OTHER: RFC 4511 section 4.1.9.
    static let ambiguous: CInt = 80
}

extension AccountID {
    /// Numbers from here on are of entries, and never given by the database.
    private static let entries: UInt64 = 1 << 62

    /// The id of an entry: made of what names it for good (RFC 4530), also when it is moved.
    init(_ entry: LDAPEntry) {
        let name = entry.values["entryuuid"]?.first ?? entry.name.lowercased()
        let digest = Array(SHA256.hash(data: Array(name.utf8)))
        let number = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        self.init(Int64(number & (Self.entries - 1) | Self.entries))
    }
}
