import Foundation
import MailBytes
import Testing

@testable import SMTPProtocol

@Suite("The table of extensions and what EHLO says") struct ExtensionTableTests {
    private struct Row {
        var keyword: String
        var isServer: Bool
        var isDefault: Bool
    }

    private static func rows() throws -> [Row] {
        let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "Documentation/Extensions.md"), encoding: .utf8)
        return text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            return Row(
                keyword: cells[0].trimmingCharacters(in: ["`"]),
                isServer: cells[2].hasPrefix("yes"),
                isDefault: cells[4].hasPrefix("on")
            )
        }
    }

    private static func offered(_ role: SMTPServerConfiguration.Role, isEncrypted: Bool) throws -> Set<String> {
        let all: SMTPExtensions = [
            .deliverBy, .futureRelease, .priority, .requiredOwnership, .requireTLS, .noSoliciting, .tracking, .verbose,
            .checkpoint,
        ]
        var dialogue = Dialogue(
            try .sample(role) { configuration in
                configuration.offer = SMTPServiceOffer(all)
                configuration.startsQueues = true
                configuration.raisesNotices = true
                configuration.offersTurn = true
            },
            isEncrypted: isEncrypted
        )
        dialogue.session.trustsPeer = true
        _ = dialogue.say("EHLO c.example")
        // Some are offered before the log-in, and some after it.
        _ = dialogue.say("AUTH PLAIN AHVzZXIAc2VjcmV0")
        _ = dialogue.say("EHLO c.example")
        let lines = String(decoding: dialogue.wire, as: UTF8.self).split(separator: "\r\n").filter {
            $0.hasPrefix("250")
        }
        return Set(lines.compactMap { $0.dropFirst(4).split(separator: " ").first.map(String.init) })
            .subtracting(["mx.example.com"])
    }

    @Test func `every keyword of EHLO has a row that says yes, and every row that says yes has its keyword`() throws {
        var offered: Set<String> = []
        for role in [SMTPServerConfiguration.Role.transfer, .submission, .onDemand] {
            for isEncrypted in [false, true] { offered.formUnion(try Self.offered(role, isEncrypted: isEncrypted)) }
        }
        let rows = try Self.rows()
        #expect(rows.count >= 30)
        #expect(Set(rows.filter(\.isServer).map(\.keyword)) == offered)
        #expect(Set(rows.map(\.keyword)).count == rows.count)
    }

    @Test func `what is not offered by the server is off`() throws {
        for row in try Self.rows() where row.isDefault { #expect(row.isServer, "\(row.keyword)") }
    }
}
