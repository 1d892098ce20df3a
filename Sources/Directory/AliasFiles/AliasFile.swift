import MailBytes

/// A file of aliases in sendmail's form: `name: target, target`, long ones continued on lines that begin with a space.
public enum AliasFile {
    /// A line, or a target of it, that could not be used.
    public struct Problem: Codable, Hashable, Sendable, CustomStringConvertible {
        /// The file.
        public var place: String
        /// Counted from 1; 0 where it is about no line.
        public var line: Int
        public var reason: String

        public init(place: String, line: Int, reason: String) {
            self.place = place
            self.line = line
            self.reason = reason
        }

        public var description: String { (line > 0 ? "\(place):\(line)" : place) + ": \(reason)" }
    }

    /// An alias as it is written, its quotes taken off.
    public struct Entry: Codable, Hashable, Sendable {
        public var name: String
        /// Addresses, names without a domain, `/path`, `|command` and `:include:/path`.
        public var targets: [String]
        /// Where it begins.
        public var line: Int
    }

    /// A larger file is none of aliases.
    public static let sizeLimit = 16 << 20
    /// Targets that one alias may have before its included files are read, and after.
    public static let targetLimit = 1000

    /// Reads a whole file: what can be used, and everything that cannot.
    public static func parse(_ text: String, place: String) -> (entries: [Entry], problems: [Problem]) {
        var entries: [Entry] = []
        var problems: [Problem] = []
        var seen: [String: Int] = [:]
        for (line, content) in logicalLines(text) {
            let report = { (reason: String) in problems.append(Problem(place: place, line: line, reason: reason)) }
            if content.first == " " || content.first == "\t" {
                report("a line that continues another stands where there is none")
                continue
            }
            guard let colon = nameEnd(content) else {
                report("there is no colon behind a name")
                continue
            }
            let name = unquoted(content[..<colon])
            guard !name.isEmpty else {
                report("there is no name in front of the colon")
                continue
            }
            if let first = seen[name.lowercased()] {
                report("\(name) is an alias already, in line \(first)")
                continue
            }
            guard let targets = targets(content[content.index(after: colon)...]) else {
                report("a quote or comment is not closed")
                continue
            }
            guard !targets.isEmpty else {
                report("\(name) leads to nothing")
                continue
            }
            guard targets.count <= targetLimit else {
                report("\(name) has more than \(targetLimit) targets")
                continue
            }
            seen[name.lowercased()] = line
            entries.append(Entry(name: name, targets: targets, line: line))
        }
        return (entries, problems)
    }

    /// Reads a file that `:include:` names: targets on each line, without names.
    public static func parseIncluded(_ text: String, place: String) -> (targets: [String], problems: [Problem]) {
        var found: [String] = []
        var problems: [Problem] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let content = line.trimmed
            if content.isEmpty || content.hasPrefix("#") { continue }
            guard let targets = targets(content) else {
                problems.append(Problem(place: place, line: index + 1, reason: "a quote or comment is not closed"))
                continue
            }
            guard found.count + targets.count <= targetLimit else {
                let reason = "the file has more than \(targetLimit) targets; what follows is left out"
                problems.append(Problem(place: place, line: index + 1, reason: reason))
                break
            }
            found += targets
        }
        return (found, problems)
    }

    // MARK: Lines

    /// The lines that have something, each with what continues it.
    private static func logicalLines(_ text: String) -> [(line: Int, content: Substring)] {
        var lines: [(line: Int, content: Substring)] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            if line.trimmed.isEmpty || line.trimmed.hasPrefix("#") { continue }
            if line.first == " " || line.first == "\t", !lines.isEmpty {
                lines[lines.count - 1].content += " " + line.trimmed
            } else {
                lines.append((index + 1, line))
            }
        }
        return lines
    }

    /// The colon behind the name, not one in quotes.
    private static func nameEnd(_ content: Substring) -> Substring.Index? {
        var isQuoted = false
        for index in content.indices {
            switch content[index] {
            case "\"": isQuoted.toggle()
            case ":" where !isQuoted: return index
            default: continue
            }
        }
        return nil
    }

    /// Parts targets at commas; `nil` where a quote or comment is not closed.
    private static func targets(_ text: Substring) -> [String]? {
        var targets: [String] = []
        var current = ""
        var (isQuoted, isEscaped, comment) = (false, false, 0)
        for character in text {
            if isEscaped {
                if comment == 0 { current.append(character) }
                isEscaped = false
                continue
            }
            switch character {
            case "\\":
                isEscaped = true
                if comment == 0 { current.append(character) }
            case "\"" where comment == 0:
                isQuoted.toggle()
                current.append(character)
            case "(" where !isQuoted && !current.trimmedStart.hasPrefix("|"): comment += 1
            case ")" where comment > 0: comment -= 1
            case _ where comment > 0: continue
            case "," where !isQuoted:
                targets.append(current)
                current = ""
            default: current.append(character)
            }
        }
        guard !isQuoted, comment == 0 else { return nil }
        targets.append(current)
        return targets.map { unquoted($0[...]) }.filter { !$0.isEmpty }
    }

    /// A name or target without the quotes around it, the angle brackets of `Name <address>`, and the backslash that told
    /// sendmail not to look for aliases any more.
    private static func unquoted(_ text: Substring) -> String {
        var text = text.trimmed
        if text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\""), !text.dropFirst().dropLast().contains("\"") {
            text = text.dropFirst().dropLast().trimmed
        } else if text.hasSuffix(">"), !text.hasPrefix("|"), let less = text.lastIndex(of: "<") {
            text = text[text.index(after: less)...].dropLast().trimmed
        }
        if text.hasPrefix("\\") { text = text.dropFirst() }
        return String(text)
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = trimmedStart
        while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
        return text
    }

    fileprivate var trimmedStart: Substring { drop { $0 == " " || $0 == "\t" } }
}

extension String {
    fileprivate var trimmedStart: Substring { self[...].trimmedStart }
}
