import CLDAP
import Glibc
import MailBytes
import SASL

/// What a directory server answered wrongly, or that it did not answer.
struct LDAPFailure: Error, CustomStringConvertible {
    /// The result code of RFC 4511 section 4.1.9, or libldap's own, which are negative.
    let code: CInt
    /// What was being done.
    let step: String
    /// What the server or libldap said of it beside the code.
    var diagnosis: String?

    var description: String {
        let meaning = String(cString: ldap_err2string(code))
        guard let diagnosis, !diagnosis.isEmpty else { return "\(step): \(meaning)" }
        return "\(step): \(meaning), \(diagnosis)"
    }

    /// Whether another connection may do better.
    var isAboutConnection: Bool {
        code == LDAP_SERVER_DOWN || code == LDAP_CONNECT_ERROR || code == LDAP_UNAVAILABLE || code == LDAP_LOCAL_ERROR
    }
}

/// An entry that was found.
struct LDAPEntry: Sendable {
    var name: String
    /// By name, in lower case.
    var values: [String: [String]]
}

/// One connection to a directory server, used by one thread at a time.
///
/// `@unchecked Sendable`: whoever has it has it alone. `LDAPConnections` takes it out of its list under a mutex, uses it on
/// one thread of its pool within one closure, and puts it back under the same mutex, which orders one use before the next.
final class LDAPConnection: @unchecked Sendable {
    private let handle: OpaquePointer
    private let options: LDAPOptions

    /// Connects and binds.
    init(_ options: LDAPOptions) throws(LDAPFailure) {
        self.options = options
        var made: OpaquePointer?
        let code = ldap_initialize(&made, options.url)
        guard code == LDAP_SUCCESS, let made else { throw LDAPFailure(code: code, step: options.url) }
        self.handle = made
        do throws(LDAPFailure) {
            try setUp()
            try bind(options.bindName ?? "", options.bindPassword)
        } catch {
            ldap_unbind_ext_s(handle, nil, nil)
            throw error
        }
    }

    func close() { ldap_unbind_ext_s(handle, nil, nil) }

    private func setUp() throws(LDAPFailure) {
        try set(LDAP_OPT_PROTOCOL_VERSION, LDAP_VERSION3)
        // A server that sends us elsewhere is not followed: RFC 4511 section 4.1.10.
        try set(LDAP_OPT_REFERRALS, 0)
        var patience = timeval(options.timeout)
        for option in [LDAP_OPT_NETWORK_TIMEOUT, LDAP_OPT_TIMEOUT] {
            try require(ldap_set_option(handle, option, &patience), "setting time-outs")
        }
        guard !options.url.lowercased().hasPrefix("ldapi:") else { return }
        try set(LDAP_OPT_X_TLS_REQUIRE_CERT, LDAP_OPT_X_TLS_DEMAND)
        if let file = options.certificates {
            try require(
                file.withCString { ldap_set_option(handle, LDAP_OPT_X_TLS_CACERTFILE, $0) },
                "reading \(file)"
            )
        }
        try set(LDAP_OPT_X_TLS_NEWCTX, 0)
        if options.startsTLS, !options.url.lowercased().hasPrefix("ldaps:") {
            try require(ldap_start_tls_s(handle, nil, nil), "starting TLS with \(options.url)")
        }
    }

    private func set(_ option: CInt, _ value: CInt) throws(LDAPFailure) {
        var value = value
        try require(ldap_set_option(handle, option, &value), "setting an option")
    }

    private func require(_ code: CInt, _ step: String) throws(LDAPFailure) {
        if code != LDAP_SUCCESS { throw LDAPFailure(code: code, step: step, diagnosis: diagnosis) }
    }

    private var diagnosis: String? {
        var text: UnsafeMutablePointer<CChar>?
        guard ldap_get_option(handle, LDAP_OPT_DIAGNOSTIC_MESSAGE, &text) == LDAP_SUCCESS, let text else { return nil }
        defer { ldap_memfree(text) }
        return String(cString: text)
    }

    /// Says who asks: RFC 4513 section 5.1. A name without a password would be taken for nobody, and is never sent.
    private func bind(_ name: String, _ password: Password?) throws(LDAPFailure) {
        var octets = password?.bytes ?? []
        guard name.isEmpty == octets.isEmpty else {
            throw LDAPFailure(code: LDAP_INVALID_CREDENTIALS, step: "logging in to \(options.url)")
        }
        let code = octets.withUnsafeMutableBytes { bytes in
            var value = berval(
                bv_len: ber_len_t(bytes.count),
                bv_val: bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            )
            return ldap_sasl_bind_s(handle, name, nil, &value, nil, nil, nil)
        }
        for index in octets.indices { octets[index] = 0 }
        try require(code, "logging in to \(options.url)")
    }

    /// Whether name and password fit.
    func fits(_ name: String, _ password: Password) throws(LDAPFailure) -> Bool {
        do throws(LDAPFailure) {
            try bind(name, password)
            return true
        } catch {
            // Unknown and wrong are one answer; so is a name that can be none.
            let refusals = [
                LDAP_INVALID_CREDENTIALS, LDAP_NO_SUCH_OBJECT, LDAP_INAPPROPRIATE_AUTH, LDAP_INVALID_DN_SYNTAX,
                LDAP_INSUFFICIENT_ACCESS, LDAP_UNWILLING_TO_PERFORM, LDAP_CONSTRAINT_VIOLATION,
            ]
            if refusals.contains(error.code) { return false }
            throw error
        }
    }

    /// The entries that a filter finds below the base, at most `limit`.
    func search(_ filter: String, _ attributes: [String], limit: CInt) throws(LDAPFailure) -> [LDAPEntry] {
        var patience = timeval(options.timeout)
        var names: [UnsafeMutablePointer<CChar>?] = attributes.map { strdup($0) } + [nil]
        defer { for name in names { free(name) } }
        var result: OpaquePointer?
        let code = ldap_search_ext_s(
            handle,
            options.base,
            LDAP_SCOPE_SUBTREE,
            filter,
            &names,
            0,
            nil,
            nil,
            &patience,
            limit,
            &result
        )
        defer { if let result { ldap_msgfree(result) } }
        // That there are more is no error: whoever asked said how many matter.
        guard code == LDAP_SUCCESS || code == LDAP_SIZELIMIT_EXCEEDED else {
            throw LDAPFailure(code: code, step: "asking \(options.url)")
        }
        var entries: [LDAPEntry] = []
        var entry = ldap_first_entry(handle, result)
        while let found = entry, entries.count < Int(limit) {
            entries.append(read(found, attributes))
            entry = ldap_next_entry(handle, found)
        }
        return entries
    }

    private func read(_ entry: OpaquePointer, _ attributes: [String]) -> LDAPEntry {
        var values: [String: [String]] = [:]
        for attribute in attributes {
            guard let list = ldap_get_values_len(handle, entry, attribute) else { continue }
            defer { ldap_value_free_len(list) }
            var texts: [String] = []
            var index = 0
            while let value = list[index], texts.count < LDAPOptions.aliasTargets {
                let octets = UnsafeRawBufferPointer(start: value.pointee.bv_val, count: Int(value.pointee.bv_len))
                texts.append(String(decoding: octets, as: UTF8.self))
                index += 1
            }
            values[attribute.lowercased()] = texts
        }
        var name = ""
        if let text = ldap_get_dn(handle, entry) {
            name = String(cString: text)
            ldap_memfree(text)
        }
        return LDAPEntry(name: name, values: values)
    }
}

extension timeval {
    fileprivate init(_ duration: Duration) {
        let micros = duration.wholeMicroseconds
        self.init(tv_sec: Int(micros / 1_000_000), tv_usec: Int(micros % 1_000_000))
    }
}
