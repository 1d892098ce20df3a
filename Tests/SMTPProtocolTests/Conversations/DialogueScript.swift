import MailBytes
import MailNames

@testable import SMTPProtocol

/// A conversation in a file, and the server that it is held with.
///
/// - `C: text` is a line of the client, `c: text` octets without a line end. `\r`, `\n`, `\t`, `\\`, `\xHH` and
///   `\*9{text}`, which is nine times the text, stand for what cannot be written.
/// - `S: text` is a line of the server, in which `?` stands for any text; `S: 250-...` for any more lines of that code
///   before the one that stands next.
/// - `T:` the client has seen 220, and TLS stands from here.
/// - `X: closed` the server closes; `X: smuggling` it does for that reason.
/// - `M: <sender> recipient,recipient text` a message is stored, in the order of these lines; `(nothing)` is an empty one.
/// - `Server: name=value …` and `Refuse: address 550 5.1.1 text` are about the server; `#` begins a comment.
struct DialogueScript {
    enum Step {
        case client([UInt8])
        case server(String)
        case tls
    }

    struct SyntaxError: Error { var line: String }

    var configuration: SMTPServerConfiguration
    var isEncrypted = false
    /// Whether the peer may speak for others.
    var isTrusted = false
    var password = "secret"
    var refusals: [String: SMTPReply] = [:]
    var steps: [Step] = []
    var stored: [String] = []
    var closes = false
    var isSmuggling = false

    init(_ text: String) throws {
        configuration = try .sample()
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let colon = line.firstIndex(of: ":") else { throw SyntaxError(line: "\(line)") }
            let behind = line[line.index(after: colon)...]
            let rest = String(behind.hasPrefix(" ") ? behind.dropFirst() : behind)
            switch line[..<colon] {
            case "C": steps.append(.client(try Self.octets(rest) + [13, 10]))
            case "c": steps.append(.client(try Self.octets(rest)))
            case "S": steps.append(.server(rest))
            case "T": steps.append(.tls)
            case "X":
                closes = true
                isSmuggling = rest == "smuggling"
            case "M": stored.append(String(decoding: try Self.octets(rest), as: UTF8.self))
            case "Server": for setting in rest.split(separator: " ") { try set("\(setting)") }
            case "Refuse": try refuse(rest)
            default: throw SyntaxError(line: "\(line)")
            }
        }
    }

    private mutating func set(_ setting: String) throws {
        let parts = setting.split(separator: "=").map(String.init)
        guard parts.count == 2 else { throw SyntaxError(line: setting) }
        let number = Int(parts[1]) ?? 0
        switch parts[0] {
        case "host": configuration.hostName = parts[1]
        case "role":
            configuration.role =
                ["submission": .submission, "delivery": .delivery, "on-demand": .onDemand][parts[1]] ?? .transfer
        case "mechanisms": configuration.mechanisms = parts[1].split(separator: ",").map(String.init)
        case "tls": configuration.offersTLS = parts[1] == "yes"
        case "etrn": configuration.startsQueues = parts[1] == "yes"
        case "notices": configuration.raisesNotices = parts[1] == "yes"
        case "turn": configuration.offersTurn = parts[1] == "yes"
        case "trusted": isTrusted = parts[1] == "yes"
        case "encrypted": isEncrypted = parts[1] == "yes"
        case "newlines": configuration.bareNewlines = parts[1] == "normalise" ? .normalise : .refuse
        case "password": password = parts[1]
        case "size": configuration.limits.messageSize = .init(bytes: number)
        case "line": configuration.limits.commandLine = number
        case "auth-line": configuration.limits.authenticationLine = number
        case "recipients": configuration.limits.recipientsPerTransaction = number
        case "transactions": configuration.limits.transactionsPerConnection = number
        case "errors": configuration.limits.badCommands = number
        case "idle": configuration.limits.idleCommands = number
        case "offer": configuration.offer.extensions = .named(parts[1])
        case "shortest-by": configuration.offer.shortestDeliverBy = .seconds(number)
        case "longest-hold": configuration.offer.longestHold = .seconds(number)
        case "policy": configuration.offer.priorityPolicy = parts[1]
        case "no-soliciting": configuration.offer.refusedSolicitations = parts[1].split(separator: ",").map(String.init)
        case "deferrals": configuration.limits.deferredCommands = number
        default: throw SyntaxError(line: setting)
        }
    }

    private mutating func refuse(_ text: String) throws {
        let parts = text.split(separator: " ", maxSplits: 2).map(String.init)
        guard parts.count == 3, let code = Int(parts[1]) else { throw SyntaxError(line: text) }
        let status = EnhancedStatus(leading: parts[2][...])
        let said = status == nil ? parts[2][...] : parts[2].drop { $0 != " " }.dropFirst()
        refusals["\(try EmailAddress(parsing: parts[0]))"] = SMTPReply(code, status, String(said))
    }

    /// The octets that a text with its escapes stands for.
    private static func octets(_ text: String) throws -> [UInt8] {
        var octets: [UInt8] = []
        var rest = text[...]
        while let character = rest.popFirst() {
            guard character == "\\" else {
                octets += Array("\(character)".utf8)
                continue
            }
            switch rest.popFirst() {
            case "r": octets.append(13)
            case "n": octets.append(10)
            case "t": octets.append(9)
            case "\\": octets.append(UInt8(ascii: "\\"))
            case "x":
                guard let octet = UInt8(rest.prefix(2), radix: 16) else { throw SyntaxError(line: text) }
                octets.append(octet)
                rest = rest.dropFirst(2)
            case "*":
                let parts = rest.split(separator: "{", maxSplits: 1)
                guard parts.count == 2, let count = Int(parts[0]), let end = parts[1].firstIndex(of: "}") else {
                    throw SyntaxError(line: text)
                }
                let repeated = try Self.octets(String(parts[1][..<end]))
                for _ in 0..<count { octets += repeated }
                rest = parts[1][end...].dropFirst()
            default: throw SyntaxError(line: text)
            }
        }
        return octets
    }

    /// Whether these lines are what the server is to say.
    static func matches(_ lines: [String], _ expected: [String]) -> Bool {
        var rest = lines[...]
        for (index, pattern) in expected.enumerated() {
            if pattern.hasSuffix("-...") {
                let next = index + 1 < expected.count ? expected[index + 1] : ""
                rest = rest.drop { $0.hasPrefix(pattern.dropLast(3)) && !matches($0, next) }
            } else {
                guard let line = rest.popFirst(), matches(line, pattern) else { return false }
            }
        }
        return rest.isEmpty
    }

    private static func matches(_ line: String, _ pattern: String) -> Bool {
        let parts = pattern.split(separator: "?", omittingEmptySubsequences: false)
        guard let first = parts.first, let last = parts.last, parts.count > 1 else { return line == pattern }
        guard line.hasPrefix(first) else { return false }
        var rest = line.dropFirst(first.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let found = rest.firstRange(of: part) else { return false }
            rest = rest[found.upperBound...]
        }
        return rest.hasSuffix(last)
    }
}

extension SMTPExtensions {
    /// `all`, or names with commas between them.
    fileprivate static func named(_ text: String) -> SMTPExtensions {
        let names: [(String, SMTPExtensions)] = [
            ("deliver-by", .deliverBy), ("future-release", .futureRelease), ("priority", .priority),
            ("rrvs", .requiredOwnership), ("require-tls", .requireTLS), ("no-soliciting", .noSoliciting),
            ("tracking", .tracking), ("verbose", .verbose), ("burl", .burl), ("checkpoint", .checkpoint),
        ]
        let wanted = text.split(separator: ",")
        return SMTPExtensions(names.filter { wanted.contains("all") || wanted.contains($0.0[...]) }.map(\.1))
    }
}
