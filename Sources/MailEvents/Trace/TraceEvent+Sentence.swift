extension TraceEvent {
    /// The event for people: one line, without the dialogue and the look-up answers, which `details` has. What peers said
    /// is in it as they said it, up to `Redaction.printable(_:)`.
    public var sentence: String { Redaction.printable(plainSentence) }

    private var plainSentence: String {
        switch kind {
        case .received:
            return "received\(from): \(senderText) to \(list(.recipient))" + phrase(", ", .size, " bytes")
                + phrase(" by ", .transmission) + phrase(" over ", .tls) + phrase(", logged in as ", .account)
        case .refused:
            let what = self[.recipient] == nil ? phrase(" of ", .sender) : " to " + list(.recipient)
            return "refused\(phrase(" ", .command))\(what)\(from): \(self[.reply] ?? "")" + phrase(" (", .reason, ")")
        case .smuggling: return "smuggling attempt\(from) refused: \(self[.reason] ?? "")"
        case .authenticated: return "\(self[.account] ?? "?") logged in\(from)"
        case .authenticationFailed: return "log-in as \(self[.account] ?? "?") failed\(from)" + phrase(": ", .reason)
        case .expanded: return "\(list(.recipient)) is an alias of \(list(.target))"
        case .routed: return "\(list(.recipient)) goes to \(self[.destination] ?? "?")" + phrase(", because ", .reason)
        case .attempted:
            return "tried \(self[.host] ?? "?")" + phrase(" [", .address, "]") + phrase(" over ", .tls)
                + phrase(": ", .reply) + phrase(" (", .duration, ")")
        case .delivered: return "delivered to \(list(.recipient))" + phrase(", mailbox ", .mailbox)
        case .relayed:
            return "relayed for \(list(.recipient)) to \(self[.host] ?? "?")" + phrase(" [", .address, "]")
                + phrase(": ", .reply)
        case .deferred:
            return "deferred\(self[.recipient] == nil ? "" : " for \(list(.recipient))"): \(self[.reason] ?? "?")"
                + phrase(" (", .status, ")")
                + phrase("; next attempt ", .nextAttempt)
        case .failed: return "failed for \(list(.recipient)): \(self[.reason] ?? "?")" + phrase(" (", .status, ")")
        case .reported:
            return "reported \(self[.reason] ?? "the outcome") to \(senderText)" + phrase(" in message ", .otherQueueID)
        case .expired: return "given up for \(list(.recipient)) after its lifetime"
        case .loop: return "a loop: \(self[.reason] ?? "")"
        case .held: return "held" + phrase(": ", .reason)
        case .released: return "released"
        case .rerouted: return "sent by another route: \(self[.destination] ?? "its domain's")"
        case .deleted: return "deleted" + phrase(": ", .reason)
        case .caught: return "caught for \(list(.recipient)): this server sends nothing away"
        case .flushed: return "asked to be tried now"
        case .damaged: return "held, since its content is damaged on disk: \(self[.reason] ?? "")"
        case .checkpoint:
            return "transaction of \(senderText) that a client may resume: \(self[.reason] ?? "?")"
        case .distributed:
            return "list \(list(.recipient)): \(self[.reason] ?? "sent on")" + phrase(" in message ", .otherQueueID)
        case .listCommand:
            return "list \(list(.recipient)): \(self[.reason] ?? "?")" + phrase(", answered in message ", .otherQueueID)
        }
    }

    /// What the sentence leaves out: verdicts, look-ups, the dialogue; one line each.
    public var details: [String] {
        var lines: [String] = []
        for entry in fields {
            switch entry.field {
            case .verdict, .answers, .dialogue, .messageID, .helo, .subject:
                for (index, line) in entry.text.split(whereSeparator: \.isNewline).enumerated() {
                    let line = Redaction.printable(line)
                    lines.append(index == 0 ? "\(entry.field.name): \(line)" : "  \(line)")
                }
            default: break
            }
        }
        return lines
    }

    private var senderText: String {
        guard let sender = self[.sender] else { return "<>" }
        return sender.hasPrefix("<") ? sender : "<\(sender)>"
    }

    private var from: String {
        switch (self[.peer], self[.door]) {
        case (let peer?, _): " from [\(peer)]"
        case (nil, let door?): " through \(door)"
        case (nil, nil): ""
        }
    }

    private func list(_ field: TraceField) -> String {
        let all = all(field)
        let shown = all.prefix(5).joined(separator: ", ")
        return all.count > 5 ? "\(shown) and \(all.count - 5) more" : shown
    }

    private func phrase(_ before: String, _ field: TraceField, _ after: String = "") -> String {
        self[field].map { before + $0 + after } ?? ""
    }
}
