import Foundation
import InternetMessage
import MailBytes
import Testing

/// Real messages, good and broken; Samples/LICENCES.md says where they come from.
enum Samples {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Samples")

    static let names: [String] = {
        let found = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
        return (found ?? []).filter { $0.hasSuffix(".eml") }.sorted()
    }()

    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appending(path: name)))
    }
}

@Suite("Sample messages") struct SampleTests {
    /// What is expected of each sample stands in Samples/expected.txt; `UPDATE_GOLDEN=1` writes it anew, to be read before it
    /// is committed.
    @Test func `each has the structure, header and preview that was written down`() throws {
        #expect(Samples.names.count > 40)
        let found = try Samples.names.map { "\($0)\n" + Self.outline(try Samples.bytes($0)) }.joined(separator: "\n")
        let file = Samples.folder.appending(path: "expected.txt")
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            try found.write(to: file, atomically: true, encoding: .utf8)
        }
        let expected = try String(contentsOf: file, encoding: .utf8)
        let pairs = zip(
            found.split(separator: "\n", omittingEmptySubsequences: false),
            expected.split(separator: "\n", omittingEmptySubsequences: false)
        )
        for (line, wanted) in pairs where line != wanted {
            #expect(line == wanted)
            return
        }
        #expect(found == expected)
    }

    @Test(arguments: Samples.names) func `what is found does not depend on the pieces it comes in`(
        _ name: String
    ) throws {
        let message = try Samples.bytes(name)
        let whole = parse([message])
        #expect(parse(message.map { [$0] }).structure == whole.structure)
        #expect(parse(message.map { [$0] }).preview == whole.preview)
        for seed in UInt64(0)..<40 {
            var random = SplitMix64(seed: seed)
            var pieces: [[UInt8]] = []
            var rest = message[...]
            while !rest.isEmpty {
                let piece = rest.prefix(1 + Int(random.next() % (seed % 2 == 0 ? 40 : 900)))
                pieces.append(Array(piece))
                rest = rest.dropFirst(piece.count)
            }
            let cut = parse(pieces)
            #expect(cut.structure == whole.structure, "seed \(seed)")
            #expect(cut.preview == whole.preview, "seed \(seed)")
        }
    }

    @Test(arguments: Samples.names) func `its record is read back, and no part of it is one`(_ name: String) throws {
        let structure = parse([try Samples.bytes(name)]).structure
        let record = structure.encoded
        #expect(BodyPart(encoded: record.span) == structure)
        for end in record.indices { #expect(BodyPart(encoded: record.span.extracting(..<end)) == nil) }
    }

    private static func outline(_ message: [UInt8]) -> String {
        let parsed = parse([message])
        var text = ""
        var scanner = HeaderScanner()
        while let field = scanner.next(message.span) {
            let name = message.span.extracting(field.name).text
            let value = message.span.extracting(field.value)
            switch name.lowercased() {
            case "from", "to", "cc": text += "  \(name.lowercased()): \(items(AddressList(parsing: value)))\n"
            case "subject": text += "  subject: \(EncodedWords.decode(value))\n"
            default: break
            }
        }
        func add(_ part: BodyPart, _ indent: String) {
            text += "\(indent)\(part.type.value)"
            if part.mainType == "text" { text += " \(part.charset)" }
            text += " \(part.encoding) header \(part.header.lowerBound)-\(part.header.upperBound)"
            text += " body \(part.body.lowerBound)-\(part.body.upperBound) lines \(part.lines)"
            if let disposition = part.disposition { text += " \(disposition.value)" }
            if let name = part.fileName { text += " \"\(name)\"" }
            text += "\n"
            for child in part.parts { add(child, indent + "  ") }
        }
        add(parsed.structure, "  ")
        text += "  preview: \(parsed.preview)\n"
        return text
    }

    private static func items(_ list: AddressList) -> String {
        list.items.map { item in
            switch item {
            case .mailbox(let mailbox): words(mailbox)
            case .group(let name, let members): "\(name){\(members.map(words).joined(separator: " | "))}"
            }
        }.joined(separator: " | ")
    }

    private static func words(_ mailbox: Mailbox) -> String {
        (mailbox.displayName.map { "\($0) " } ?? "") + "<\(mailbox.localPart)@\(mailbox.domain)>"
    }
}

func parse(_ pieces: [[UInt8]]) -> ParsedMessage {
    var parser = MessageParser()
    for piece in pieces { parser.consume(piece.span) }
    return parser.finish()
}
