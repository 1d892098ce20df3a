import SASL

/// A directory server and how names are looked for in it: RFC 4511.
public struct LDAPOptions: Sendable {
    /// `ldap://host`, `ldaps://host` or `ldapi://path`.
    public var url: String
    /// Whether TLS is started on a connection that began in clear: RFC 4511 section 4.14.
    public var startsTLS = true
    /// A PEM file with the certificates that the server's is checked against; `nil` for the system's.
    public var certificates: String?
    /// Who asks; `nil` to ask anonymously.
    public var bindName: String?
    public var bindPassword: Password?
    /// Where entries are looked for, in all that is below.
    public var base: String
    /// Finds the entry of a recipient; `%s` is the address, `%u` its local part, `%d` its domain.
    public var recipientFilter = "(&(objectClass=inetOrgPerson)(mail=%s))"
    /// Finds the entry of who logs in.
    public var loginFilter = "(&(objectClass=inetOrgPerson)(mail=%s))"
    /// Finds entries that lead to other addresses; empty for none.
    public var aliasFilter = ""
    /// The attribute of an account's own address.
    public var addressAttribute = "mail"
    /// The attribute of an alias's targets.
    public var aliasAttribute = "mailForwardingAddress"
    /// How long the server may take for one answer, and to connect.
    public var timeout: Duration = .seconds(5)
    /// Connections, each with a thread.
    public var connections = 4
    /// Questions that may wait for a connection. Whoever comes then is told to try later.
    public var waiting = 512
    /// How long an answer is used again; names that are not there, a fifth of it.
    public var cacheTime: Duration = .seconds(300)

    public init(url: String, base: String) {
        self.url = url
        self.base = base
    }

    /// The most targets that the entries of one alias may have together.
    static let aliasTargets = 1000
}

/// Search filters: RFC 4515.
enum LDAPFilter {
    /// Puts a value in place of `%s`, and its parts for `%u` and `%d`, each escaped. `%%` is a per cent sign.
    static func fill(_ filter: String, with value: String) -> String {
        let at = value.lastIndex(of: "@")
        let user = at.map { String(value[..<$0]) } ?? value
        let domain = at.map { String(value[value.index(after: $0)...]) } ?? ""
        var filled = ""
        var isMark = false
        for character in filter {
            guard isMark else {
                if character == "%" { isMark = true } else { filled.append(character) }
                continue
            }
            isMark = false
            switch character {
            case "s": filled += escape(value)
            case "u": filled += escape(user)
            case "d": filled += escape(domain)
            case "%": filled.append("%")
            default:
                filled.append("%")
                filled.append(character)
            }
        }
        return isMark ? filled + "%" : filled
    }

    /// A value as it stands in a filter: RFC 4515 section 3. All that could mean something is written as its octets.
    static func escape(_ value: String) -> String {
        var escaped = ""
        for octet in value.utf8 {
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "@"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"), UInt8(ascii: "+"):
                escaped.unicodeScalars.append(Unicode.Scalar(octet))
            default: escaped += "\\" + (octet < 16 ? "0" : "") + String(octet, radix: 16)
            }
        }
        return escaped
    }
}
