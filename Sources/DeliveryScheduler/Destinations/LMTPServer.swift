import MailNames

/// Where a mail system takes mail in LMTP: RFC 2033.
public enum LMTPServer: Hashable, Sendable {
    case host(MailHost, port: Int)
    /// A Unix socket of this machine.
    case path(String)

    /// The port that is used where none is named. None is assigned.
    public static let standardPort = 24
}

extension LMTPServer: CustomStringConvertible {
    /// `lmtp:mail.example.org:24`, `lmtp:/run/dovecot/lmtp`.
    public var description: String {
        switch self {
        case .host(let host, let port): "lmtp:\(host.ascii):\(port)"
        case .path(let path): "lmtp:\(path)"
        }
    }
}
