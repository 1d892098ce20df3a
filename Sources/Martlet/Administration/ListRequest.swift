/// What an administration command asks about mailing lists.
public enum ListRequest: Codable, Sendable {
    case add(address: String, settings: Settings)
    case list
    case remove(address: String)
    case set(address: String, settings: Settings)
    case members(address: String)
    case addMembers(address: String, members: [String])
    case removeMembers(address: String, members: [String])
    case held
    case approve(id: String)
    case reject(id: String)

    /// What a list is like, as far as it was said.
    public struct Settings: Codable, Sendable {
        public var owner: String?
        /// Empty to have none.
        public var name: String?
        /// `anyone`, `members` or `moderated`.
        public var posting: String?
        /// `open` or `closed`.
        public var subscription: String?
        public var bounceLimit: Int?
        /// Empty to have none.
        public var archive: String?

        public init(
            owner: String? = nil,
            name: String? = nil,
            posting: String? = nil,
            subscription: String? = nil,
            bounceLimit: Int? = nil,
            archive: String? = nil
        ) {
            self.owner = owner
            self.name = name
            self.posting = posting
            self.subscription = subscription
            self.bounceLimit = bounceLimit
            self.archive = archive
        }
    }

    /// Whether only a running server can do it.
    var needsServer: Bool {
        switch self {
        case .held, .approve, .reject: true
        case .add, .list, .remove, .set, .members, .addMembers, .removeMembers: false
        }
    }
}
