/// What a client can parse at the start of a reply's text: RFC 2449 section 8, RFC 3206. `UTF8` of
/// RFC 6856 section 5 is not said: a surrogate is sent.
public enum POPResponseCode: String, Hashable, Sendable {
    /// The log-in was right, but another session has the maildrop: RFC 2449 section 8.1.2.
    case inUse = "IN-USE"
    /// The last log-in was too short a time ago: RFC 2449 section 8.1.1.
    case loginDelay = "LOGIN-DELAY"
    /// The user's credentials are the problem: RFC 3206 section 5.
    case authentication = "AUTH"
    /// Our trouble, likely to pass: RFC 3206 section 4.
    case temporary = "SYS/TEMP"
    /// Our trouble, somebody has to act: RFC 3206 section 4.
    case permanent = "SYS/PERM"
}
