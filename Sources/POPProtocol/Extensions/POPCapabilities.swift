import SASL

extension POPServerConfiguration {
    /// The capability list: RFC 2449 section 6, RFC 2595 section 4, RFC 3206 section 6, RFC 5034 section 3, RFC 6856
    /// section 2. `STLS` is announced where it is permitted, the others in both states.
    ///
    /// - Parameters:
    ///   - isEncrypted: whether TLS is active.
    ///   - isAuthorization: whether the session is in the AUTHORIZATION state.
    ///   - mechanisms: those that can be used on the connection.
    func capabilities(
        isEncrypted: Bool,
        isAuthorization: Bool,
        mechanisms: [SASLMechanismName]
    ) -> [String] {
        var lines = ["TOP", "UIDL", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "UTF8 USER"]
        if self.takesPlaintext(isEncrypted: isEncrypted) { lines.append("USER") }
        if !mechanisms.isEmpty { lines.append("SASL " + mechanisms.map(\.text).joined(separator: " ")) }
        if self.offersTLS, isAuthorization, !isEncrypted { lines.append("STLS") }
        switch self.expiry {
        case .never: lines.append("EXPIRE NEVER")
        case .days(let days): lines.append("EXPIRE \(days)")
        }
        if let delay = self.loginDelay { lines.append("LOGIN-DELAY \(delay.components.seconds)") }
        if let implementation = self.implementation { lines.append("IMPLEMENTATION \(implementation)") }
        return lines
    }

    func takesPlaintext(isEncrypted: Bool) -> Bool { isEncrypted || self.plaintextPasswords == .always }

    /// The mechanisms that may be used on a connection: none without TLS, also not those that do not give the password away,
    /// for what follows the log-in could be read by anybody (RFC 8314 section 3).
    func mechanisms(isEncrypted: Bool) -> [SASLMechanismName] {
        self.takesPlaintext(isEncrypted: isEncrypted) ? self.mechanisms : []
    }
}
