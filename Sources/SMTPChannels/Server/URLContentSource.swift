import NIOCore
import SMTPProtocol

/// Fetches content that clients name instead of sending it: BURL, RFC 4468. A listener without one does not offer BURL.
public protocol URLContentSource: Sendable {
    /// The octets that the URL names, lines ending in CR LF. Whether the account may see them is the source's to judge: it checks
    /// the URL's authorization (RFC 4467 section 4).
    ///
    /// - Parameter limit: more octets are not wanted, and are `.refused`.
    func content(of url: String, for account: String, limit: Int) async -> URLContent
}

/// What came of a URL.
public enum URLContent: Sendable {
    case found(ByteBuffer)
    /// The client is told so, and the transaction is over.
    case refused(SMTPReply)
}
