import Delivery
import Directory
import MailBytes
import MailEvents
import MailNames
import MailingLists

/// Mailing lists, their members, and the posts that wait for an owner.
struct ListAdministration {
    let directory: SQLDirectory
    /// `nil` where no server runs.
    let delivery: DeliveryService?

    func perform(_ request: ListRequest) async throws -> AdministrationAnswer {
        switch request {
        case .add(let text, let given):
            guard let owner = given.owner else { return .failure(.usage, "A list needs an owner: --owner ADDRESS.") }
            var settings = ListSettings(
                address: try EmailAddress(parsing: text),
                owner: try EmailAddress(parsing: owner)
            )
            switch try Self.changes(given) {
            case .success(let changes): changes.apply(to: &settings)
            case .failure(let wrong): return wrong.answer
            }
            try await directory.addList(settings)
            return AdministrationAnswer(
                text: "The list \(settings.address) is made.",
                json: JSONText.of(Shown(settings, 0))
            )
        case .list:
            let lists = try await directory.lists()
            let rows = lists.map { list, members in
                [
                    list.address.description, list.owner.description, list.posting.rawValue, String(members),
                    list.name ?? "",
                ]
            }
            return AdministrationAnswer(
                text: lists.isEmpty ? "No lists." : TextTable.of(["LIST", "OWNER", "POST", "MEMBERS", "NAME"], rows),
                json: JSONText.of(lists.map { Shown($0.settings, $0.members) })
            )
        case .remove(let text):
            let address = try EmailAddress(parsing: text)
            try await directory.removeList(address)
            return AdministrationAnswer(
                text: "The list \(address) is removed.",
                json: JSONText.of(["list": address.description])
            )
        case .set(let text, let given):
            let changes: Changes
            switch try Self.changes(given) {
            case .success(let read): changes = read
            case .failure(let wrong): return wrong.answer
            }
            let settings = try await directory.changeList(try EmailAddress(parsing: text)) { changes.apply(to: &$0) }
            return AdministrationAnswer(
                text: "The list \(settings.address) is changed.",
                json: JSONText.of(Shown(settings, nil))
            )
        case .members(let text): return try await members(try EmailAddress(parsing: text))
        case .addMembers(let text, let members):
            let (list, _) = try await directory.list(addressed: try EmailAddress(parsing: text))
            return try await change(members) { addresses in
                let added = try await directory.addMembers(addresses, to: list)
                return ("\(Self.counted(added)) added, \(addresses.count - added) there already.", added)
            }
        case .removeMembers(let text, let members):
            let (list, _) = try await directory.list(addressed: try EmailAddress(parsing: text))
            return try await change(members) { addresses in
                let removed = try await directory.removeMembers(addresses, from: list)
                return ("\(Self.counted(removed)) removed.", removed)
            }
        case .held: return try await held()
        case .approve(let text):
            return try await decide(text, "sent on to the members") { await $0.approvePost($1) }
        case .reject(let text): return try await decide(text, "rejected") { await $0.rejectPost($1) }
        }
    }

    // MARK: Settings

    /// Settings that were said and make sense.
    private struct Changes {
        var owner: EmailAddress?
        var posting: ListSettings.Posting?
        var subscription: ListSettings.Subscription?
        var name, archive: String?
        var bounceLimit: Int?

        /// What is wrong with them, as an answer.
        struct Wrong: Error {
            let answer: AdministrationAnswer
        }

        static func wrong(_ sentence: String) -> Result<Changes, Wrong> {
            .failure(Wrong(answer: .failure(.usage, sentence)))
        }

        func apply(to settings: inout ListSettings) {
            settings.owner = owner ?? settings.owner
            settings.posting = posting ?? settings.posting
            settings.subscription = subscription ?? settings.subscription
            settings.bounceLimit = bounceLimit ?? settings.bounceLimit
            if let name { settings.name = name.isEmpty ? nil : name }
            if let archive { settings.archive = archive.isEmpty ? nil : archive }
        }
    }

    private static func changes(_ given: ListRequest.Settings) throws -> Result<Changes, Changes.Wrong> {
        var changes = Changes(owner: try given.owner.map { try EmailAddress(parsing: $0) })
        if let posting = given.posting {
            guard let known = ListSettings.Posting(rawValue: posting) else {
                return Changes.wrong("\(posting) may not post: there are anyone, members and moderated.")
            }
            changes.posting = known
        }
        if let subscription = given.subscription {
            guard let known = ListSettings.Subscription(rawValue: subscription) else {
                return Changes.wrong("A list is open or closed, not \(subscription).")
            }
            changes.subscription = known
        }
        if let limit = given.bounceLimit {
            guard (1...1000).contains(limit) else {
                return Changes.wrong("A bounce limit is between 1 and 1000, not \(limit).")
            }
            changes.bounceLimit = limit
        }
        if let archive = given.archive, !archive.isEmpty {
            guard archive.contains(":"), archive.utf8.allSatisfy({ $0.isVisible && $0 != .less && $0 != .greater })
            else {
                return Changes.wrong("\(archive) is no URL of an archive.")
            }
        }
        if let name = given.name, name.utf8.count > 200 || name.unicodeScalars.contains(where: { $0.value < 0x20 }) {
            return Changes.wrong("A list's name is one line of at most 200 octets.")
        }
        (changes.name, changes.archive) = (given.name, given.archive)
        return .success(changes)
    }

    private struct Shown: Encodable {
        let list, owner, posting, subscription: String
        let name, archive: String?
        let bounceLimit: Int
        let members: Int?

        init(_ settings: ListSettings, _ members: Int?) {
            list = settings.address.description
            owner = settings.owner.description
            posting = settings.posting.rawValue
            subscription = settings.subscription.rawValue
            name = settings.name
            archive = settings.archive
            bounceLimit = settings.bounceLimit
            self.members = members
        }
    }

    // MARK: Members

    private struct ShownMember: Encodable {
        let member, joined: String
        let suspended: String?
        let bounceScore: Double

        init(_ member: ListMember) {
            self.member = member.address.description
            joined = member.joined.iso8601
            suspended = member.suspended?.iso8601
            bounceScore = (member.bounceScore * 100).rounded() / 100
        }
    }

    private func members(_ address: EmailAddress) async throws -> AdministrationAnswer {
        let (list, _) = try await directory.list(addressed: address)
        let members = try await directory.members(of: list)
        let lines = members.map { member in
            member.address.description + (member.suspended.map { "  (suspended since \($0.iso8601.prefix(10)))" } ?? "")
        }
        return AdministrationAnswer(
            text: members.isEmpty ? "No members." : lines.joined(separator: "\n"),
            json: JSONText.of(members.map(ShownMember.init))
        )
    }

    /// All or none: what is no address is told, and then nothing is changed.
    private func change(
        _ members: [String],
        _ body: ([EmailAddress]) async throws -> (String, Int)
    ) async throws -> AdministrationAnswer {
        var addresses: [EmailAddress] = []
        addresses.reserveCapacity(members.count)
        var wrong: [String] = []
        for text in members {
            if let address = try? EmailAddress(parsing: text) { addresses.append(address) } else { wrong.append(text) }
        }
        guard wrong.isEmpty else {
            let shown =
                wrong.prefix(5).joined(separator: ", ") + (wrong.count > 5 ? " and \(wrong.count - 5) more" : "")
            return .failure(.usage, "Nothing was changed, for these are no addresses: \(shown).")
        }
        guard !addresses.isEmpty else { return .failure(.usage, "No members were named.") }
        let (text, count) = try await body(addresses)
        return AdministrationAnswer(text: text, json: JSONText.of(["count": count]))
    }

    private static func counted(_ count: Int) -> String { "\(count) member\(count == 1 ? "" : "s")" }

    // MARK: Held posts

    private struct ShownPost: Encodable {
        let id, list, from, subject, received: String
        let size: Int

        init(_ post: HeldPost) {
            id = post.id.description
            list = post.list
            from = post.from
            subject = post.subject
            received = post.received.iso8601
            size = post.size
        }
    }

    private func held() async throws -> AdministrationAnswer {
        guard let delivery else { return Administration.noServer }
        let posts = await delivery.heldPosts()
        let rows = posts.map {
            [
                $0.id.description, String($0.received.iso8601.prefix(19)), $0.list, $0.from,
                Redaction.printable($0.subject),
            ]
        }
        return AdministrationAnswer(
            text: posts.isEmpty ? "No posts wait." : TextTable.of(["ID", "RECEIVED", "LIST", "FROM", "SUBJECT"], rows),
            json: JSONText.of(posts.map(ShownPost.init))
        )
    }

    private func decide(
        _ text: String,
        _ what: String,
        _ body: (DeliveryService, QueueID) async -> Bool
    ) async throws -> AdministrationAnswer {
        guard let delivery else { return Administration.noServer }
        guard let id = QueueID(text) else {
            return .failure(.usage, "\(text) is no queue id: they have 13 letters and digits.")
        }
        guard await body(delivery, id) else {
            return .failure(.failed, "No post \(text) waits; `martlet list held` shows those that do.")
        }
        return AdministrationAnswer(text: "The post \(id) is \(what).", json: JSONText.of(["id": id.description]))
    }
}
