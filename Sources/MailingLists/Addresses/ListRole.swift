import MailNames

/// What an address of a list is for: RFC 2142 section 6 and what list programs have in common.
public enum ListRole: Hashable, Sendable {
    /// The list itself.
    case post
    /// Commands in the subject or text.
    case request
    case subscribe
    case unsubscribe
    case help
    case owner
    /// The answer to a question of ours, with its token.
    case confirm(String)
    /// The owner's word on a post that is held, with its token.
    case approve(String)
    case reject(String)
    /// Where failures are reported to; of which member, where the address says it.
    case bounces(String?)

    /// Reads a role off a local part; `nil` where there is none, and then it may be a list itself.
    ///
    /// Letters of tokens and members keep their case.
    public static func parse(_ localPart: String) -> (list: String, role: ListRole)? {
        let parts = localPart.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
        let detail = parts.count > 1 ? String(parts[1]) : nil
        guard let hyphen = parts[0].lastIndex(of: "-"), hyphen > parts[0].startIndex,
            let role = role(parts[0][parts[0].index(after: hyphen)...].lowercased(), detail)
        else { return nil }
        return (String(parts[0][..<hyphen]), role)
    }

    private static func role(_ word: String, _ detail: String?) -> ListRole? {
        switch (word, detail) {
        case ("request", nil): .request
        case ("subscribe", nil), ("join", nil): .subscribe
        case ("unsubscribe", nil), ("leave", nil): .unsubscribe
        case ("help", nil): .help
        case ("owner", nil): .owner
        case ("bounces", _): .bounces(detail)
        case ("confirm", let token?): .confirm(token)
        case ("approve", let token?): .approve(token)
        case ("reject", let token?): .reject(token)
        default: nil
        }
    }

    /// The local part of the role's address.
    public func localPart(of list: String) -> String {
        switch self {
        case .post: list
        case .request: list + "-request"
        case .subscribe: list + "-subscribe"
        case .unsubscribe: list + "-unsubscribe"
        case .help: list + "-help"
        case .owner: list + "-owner"
        case .confirm(let token): list + "-confirm+" + token
        case .approve(let token): list + "-approve+" + token
        case .reject(let token): list + "-reject+" + token
        case .bounces(let member): list + "-bounces" + (member.map { "+" + $0 } ?? "")
        }
    }

    /// The role's address; the list's own where that would be none.
    public func address(of list: EmailAddress) -> EmailAddress {
        guard let local = try? LocalPart(text: localPart(of: list.localPart.text)) else { return list }
        return EmailAddress(localPart: local, host: list.host)
    }

    /// Whether each address of this kind is used once or for one member, so that remembering it is of no use.
    public var isPersonal: Bool {
        switch self {
        case .post, .request, .subscribe, .unsubscribe, .help, .owner, .bounces(nil): false
        case .confirm, .approve, .reject, .bounces: true
        }
    }
}
