import Foundation
import MailBytes
import MailNames
import Testing

@testable import SMTPProtocol

@Suite("Conversations from files") struct DialogueScriptTests {
    /// What a server has said and done.
    private struct Outcome: Equatable {
        var lines: [String] = []
        var stored: [String] = []
        var isClosed = false
        var isSmuggling = false
    }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Dialogues")

    private static let names: [String] = {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return all.filter { $0.hasSuffix(".smtp") }.sorted()
    }()

    @Test func `the scripts are there`() { #expect(Self.names.count >= 40) }

    @Test(arguments: names) func `a script is answered as it says, cut wherever it may be`(_ name: String) throws {
        let text = try String(contentsOf: Self.folder.appending(path: name), encoding: .utf8)
        let script = try DialogueScript(text)
        let expected = try Self.playByLine(script)
        #expect(expected.stored == script.stored)
        #expect(expected.isClosed == script.closes)
        #expect(expected.isSmuggling == script.isSmuggling)

        let segments = Self.segments(script)
        #expect(try Self.play(script, segments.map { [$0] }) == expected, "in one piece")
        #expect(try Self.play(script, segments.map { $0.map { [$0] } }) == expected, "octet by octet")
        for (number, segment) in segments.enumerated() {
            for cut in stride(from: 1, to: segment.count, by: max(1, segment.count / 500)) {
                var pieces = segments.map { [$0] }
                pieces[number] = [Array(segment[..<cut]), Array(segment[cut...])]
                let outcome = try Self.play(script, pieces)
                #expect(outcome == expected, "segment \(number) cut at \(cut)")
            }
        }
    }

    /// What the client says before TLS and after it.
    private static func segments(_ script: DialogueScript) -> [[UInt8]] {
        var segments: [[UInt8]] = [[]]
        for step in script.steps {
            switch step {
            case .client(let octets): segments[segments.count - 1] += octets
            case .tls: segments.append([])
            case .server: continue
            }
        }
        return segments
    }

    private static func dialogue(_ script: DialogueScript) -> Dialogue {
        var dialogue = Dialogue(script.configuration, isEncrypted: script.isEncrypted)
        dialogue.waitsForTLS = true
        dialogue.refusals = script.refusals
        dialogue.password = script.password
        dialogue.session.trustsPeer = script.isTrusted
        dialogue.greet()
        return dialogue
    }

    /// Says a line when those before it are answered as the script has it.
    private static func playByLine(_ script: DialogueScript) throws -> Outcome {
        var dialogue = dialogue(script)
        var expected: [String] = []
        var isAnswered = false
        for step in script.steps {
            switch step {
            case .client(let octets):
                if isAnswered {
                    try check(dialogue.wire, expected, "before \(String(decoding: octets, as: UTF8.self))")
                }
                isAnswered = false
                dialogue.receive(octets)
            case .server(let line):
                isAnswered = true
                expected.append(line)
            case .tls:
                try check(dialogue.wire, expected, "before TLS")
                let isThere = dialogue.handshake()
                try #require(isThere)
            }
        }
        try check(dialogue.wire, expected, "at the end")
        return outcome(dialogue)
    }

    private static func check(_ wire: [UInt8], _ expected: [String], _ place: String) throws {
        let said = lines(wire)
        let isExpected = DialogueScript.matches(said, expected)
        try #require(
            isExpected,
            "\(place): said\n\(said.joined(separator: "\n"))\nnot\n\(expected.joined(separator: "\n"))"
        )
    }

    /// Hands in each segment in its pieces.
    private static func play(_ script: DialogueScript, _ segments: [[[UInt8]]]) throws -> Outcome {
        var dialogue = dialogue(script)
        for (number, pieces) in segments.enumerated() {
            if number > 0 {
                let isThere = dialogue.handshake()
                try #require(isThere)
            }
            for piece in pieces { dialogue.receive(piece) }
        }
        return outcome(dialogue)
    }

    private static func lines(_ wire: [UInt8]) -> [String] {
        String(decoding: wire, as: UTF8.self).split(separator: "\r\n").map(String.init)
    }

    private static func outcome(_ dialogue: borrowing Dialogue) -> Outcome {
        let stored = dialogue.stored.map { transaction, content in
            let recipients = transaction.recipients.map { "\($0.address)" }.joined(separator: ",")
            let text = content.isEmpty ? "(nothing)" : String(decoding: content, as: UTF8.self)
            return "\(transaction.reversePath) \(recipients) \(text)"
        }
        return Outcome(
            lines: lines(dialogue.wire),
            stored: stored,
            isClosed: dialogue.isClosed,
            isSmuggling: dialogue.smuggled
        )
    }
}
