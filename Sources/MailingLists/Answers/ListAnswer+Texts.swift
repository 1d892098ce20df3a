import MailBytes
import MailNames

/// What people read. Lines are short enough to be sent as they are, and end in CR LF.
extension ListAnswer {
    var subject: String {
        switch kind {
        case .confirmSubscription: "Confirm that you want to join \(list.address)"
        case .confirmUnsubscription: "Confirm that you want to leave \(list.address)"
        case .welcome: "Welcome to \(list.title)"
        case .goodbye: "You have left \(list.title)"
        case .alreadyMember: "You are a member of \(list.title) already"
        case .notMember: "You are not a member of \(list.title)"
        case .closed: "Joining \(list.title)"
        case .invalidToken: "Your answer to \(list.title) came to nothing"
        case .help: "How to use \(list.title)"
        case .held(let post): "A post to \(list.title) waits for you: \(Self.oneLine(post.subject))"
        case .nothingHeld: "No such post to \(list.title) waits"
        case .suspended(let members):
            "\(list.title): mail to \(members.count == 1 ? "a member" : "\(members.count) members") comes back"
        case .rejected(let subject): "Your post to \(list.title) was not let through: \(Self.oneLine(subject))"
        }
    }

    var text: String {
        lines.joined(separator: "\r\n") + "\r\n"
    }

    private var lines: [String] {
        switch kind {
        case .confirmSubscription:
            [
                "Somebody, we hope you, asked for <\(recipient)>", "to join the mailing list \(list.address).", "",
                "If that is what you want, answer this message, whatever you write in it.",
                "If not, you need do nothing: without an answer nothing happens.",
            ]
        case .confirmUnsubscription:
            [
                "Somebody, we hope you, asked for <\(recipient)>", "to leave the mailing list \(list.address).", "",
                "If that is what you want, answer this message, whatever you write in it.",
                "If not, you need do nothing: you stay a member.",
            ]
        case .welcome:
            [
                "<\(recipient)> is now a member of the mailing list", "\(list.address).", "",
                "You post by writing to that address. To leave, write to",
                "\(list.address(of: .unsubscribe)).",
                "The owner can be reached at \(list.address(of: .owner)).",
            ]
        case .goodbye:
            ["<\(recipient)> is no longer a member of the mailing list", "\(list.address)."]
        case .alreadyMember:
            ["<\(recipient)> is a member of \(list.address)", "already; nothing was changed."]
        case .notMember:
            [
                "<\(recipient)> is not a member of \(list.address).",
                "You may have joined with another address: write from that one.",
            ]
        case .closed:
            [
                "Members of \(list.address) are chosen by its owner,", "whom you reach at",
                "\(list.address(of: .owner)).",
            ]
        case .invalidToken:
            [
                "What you answered is too old, or was sent to another address than the one", "you write from:",
                "<\(recipient)>.", "", "Nothing was changed. Ask again, from the address that is meant.",
            ]
        case .help: help
        case .held(let post): held(post)
        case .nothingHeld:
            ["The post that you mean was approved, rejected or given up meanwhile,", "or your word on it is too old."]
        case .suspended(let members):
            [
                "Mail to these members of \(list.address) came back so often that they", "get no more posts:", "",
            ] + members.flatMap { ["  <\($0.address)>", "      \(Self.oneLine($0.reason))"] } + [
                "", "They stay members. `martlet list members add` with the same address lets their", "mail go on.",
            ]
        case .rejected:
            [
                "The owner of \(list.address) did not let your post through.", "You reach the owner at",
                "\(list.address(of: .owner)).",
            ]
        }
    }

    private var help: [String] {
        var lines = ["The mailing list \(list.address)", ""]
        switch list.posting {
        case .anyone: lines.append("Everybody may post, by writing to that address.")
        case .members: lines.append("Members post by writing to that address.")
        case .moderated: lines.append("Who writes to that address reaches the owner first, who lets posts through.")
        }
        if list.subscription == .open { lines.append("To join, write to \(list.address(of: .subscribe)).") }
        lines.append("To leave, write to \(list.address(of: .unsubscribe)).")
        lines.append("The owner can be reached at \(list.address(of: .owner)).")
        lines += [
            "", "\(list.address(of: .request))", "takes the commands subscribe, unsubscribe and help in the subject.",
        ]
        return lines
    }

    private func held(_ post: HeldPost) -> [String] {
        [
            "A post to \(list.address) waits for you: \(Self.oneLine(post.reason)).", "",
            "From: \(Self.oneLine(post.from))", "Subject: \(Self.oneLine(post.subject))", "",
            "To let it through, answer this message, whatever you write in it. To reject it,", "write to",
            "\(list.address(of: .reject(post.rejectToken))).", "",
            "`martlet list approve \(post.queueID)` and `martlet list reject \(post.queueID)` do the same.",
            post.isWhole ? "The post is attached." : "It is large: its header alone is attached.",
        ]
    }

    /// Text of others without what would end a line, and not longer than a line may be: RFC 5322 section 2.1.1.
    private static func oneLine(_ text: String) -> String {
        let clean = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) }
        return String(String(clean).prefix(300))
    }
}
