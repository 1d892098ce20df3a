import MailBytes
import MailNames

/// Knows what was promised, and what came of it.
final class Oracle {
    /// A message as its sender knows it, by its first line.
    struct Sent {
        var content: [UInt8]
        var sender: String
        var recipients: Set<String>
        /// Those for whom its sender was told that it is taken care of.
        var acknowledged: Set<String> = []
        /// Queue ids that it was given, over all attempts to send it.
        var ids: Set<UInt64> = []
    }

    private(set) var problems: [String] = []
    var crashes = 0
    /// Connections to next hops that broke off: what was under way may have arrived, and is sent again.
    var ambiguous = 0
    private(set) var sent: [String: Sent] = [:]
    private var largestID: UInt64 = 0
    private var copies: [String: Int] = [:]
    private var reported: [String: Int] = [:]
    private var delivered: [String: Set<String>] = [:]

    func complain(_ text: String) { problems.append(text) }

    /// What tells a message: its first line.
    static func name(of content: [UInt8]) -> String {
        String(decoding: content.prefix { $0 != 0x0D }, as: UTF8.self)
    }

    func wrote(_ content: [UInt8], from sender: String, to recipients: [String]) {
        sent[Self.name(of: content)] = Sent(content: content, sender: sender, recipients: Set(recipients))
    }

    func acknowledged(_ content: [UInt8], for recipient: String) {
        sent[Self.name(of: content)]?.acknowledged.insert(recipient)
    }

    /// A queue id was given to a message, which nobody was told yet.
    func gave(_ id: UInt64, to content: [UInt8]) {
        if id <= largestID { complain("the id \(id) was given before") }
        sent[Self.name(of: content)]?.ids.insert(id)
    }

    /// Somebody was told of the id, or it was found at a start: it is never given again.
    func told(_ id: UInt64) { largestID = max(largestID, id) }

    /// A copy has come to somebody.
    func arrived(_ content: [UInt8], at recipient: String) {
        let name = Self.name(of: content)
        if name.hasPrefix("Report: ") { return reportArrived(content, at: recipient) }
        guard let message = sent[name] else { return complain("nobody sent \(name)") }
        if content != message.content { complain("\(name) came to \(recipient) changed") }
        if !message.recipients.contains(recipient) {
            complain("\(name) came to \(recipient), who is none of its recipients")
        }
        delivered[name, default: []].insert(recipient)
        copies["\(name) \(recipient)", default: 0] += 1
    }

    // MARK: Reports

    func report(of recipients: [String], in content: [UInt8]) -> [UInt8] {
        let name = Self.name(of: content)
        return Array(("Report: \(name)\r\n" + recipients.map { "\($0)\r\n" }.joined()).utf8)
    }

    func droppedReport(_ content: [UInt8]) { complain("a report was given up: \(Self.name(of: content))") }

    private func reportArrived(_ content: [UInt8], at recipient: String) {
        let lines = String(decoding: content, as: UTF8.self).split(separator: "\r\n").map(String.init)
        let name = String(lines[0].dropFirst("Report: ".count))
        guard let message = sent[name] else { return complain("a report of \(name), which nobody sent") }
        if recipient != message.sender { complain("a report of \(name) went to \(recipient)") }
        for failed in lines.dropFirst() { reported["\(name) \(failed)", default: 0] += 1 }
    }

    // MARK: Limits

    func saw(_ connections: [RelayConnection]) {
        let open = connections.filter { !$0.isOver && !$0.isLocal }
        let options = Relay.schedulerOptions
        if open.count > options.connections { complain("\(open.count) connections at once") }
        for (_, group) in Dictionary(grouping: open, by: \.destination)
        where group.count > options.connectionsPerDestination {
            complain("\(group.count) connections to one destination")
        }
    }

    // MARK: The end

    /// What was promised and not kept.
    func judge(_ mailboxes: Mailboxes) {
        for (name, message) in sent.sorted(by: { $0.key < $1.key }) {
            for recipient in message.acknowledged.sorted() {
                let cameThere = delivered[name]?.contains(recipient) == true
                if !cameThere && reported["\(name) \(recipient)"] == nil {
                    complain("\(name) for \(recipient) was acknowledged, and nobody ever heard of it")
                }
            }
            for recipient in message.recipients.sorted() {
                let count = copies["\(name) \(recipient)"] ?? 0
                let bound = message.ids.count * (1 + crashes) + ambiguous
                if count > bound { complain("\(name) came to \(recipient) \(count) times") }
            }
        }
        for (place, count) in mailboxes.copies.sorted(by: { $0.key < $1.key }) where count != 1 {
            complain("\(place) has \(count) copies")
        }
    }
}

/// Mailboxes with the one promise that ours make: a message of the queue comes into a mailbox once, however often it is delivered.
final class Mailboxes {
    /// By mailbox and queue id.
    private(set) var copies: [String: Int] = [:]
    private let oracle: Oracle

    init(_ oracle: Oracle) { self.oracle = oracle }

    func deliver(_ content: [UInt8], to address: String, as id: UInt64) {
        let place = "\(address) \(id)"
        guard copies[place] == nil else { return }
        copies[place] = 1
        oracle.arrived(content, at: address)
    }
}
