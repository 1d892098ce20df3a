import Directory
import Foundation
import MailBytes
import MailNames
import MailStore
import NIOCore
import SMTPProtocol
import Testing

@testable import Delivery

@Suite("Files and commands that aliases lead to") struct OutletTests {
    private static func message(_ outlet: AliasTarget, _ pieces: String...) throws -> OutletMessage {
        let buffers = pieces.map { ByteBuffer(string: $0) }
        return OutletMessage(
            outlet: outlet,
            recipient: try EmailAddress(parsing: "box@home.test"),
            reversePath: .address(try EmailAddress(parsing: "\"carol $(x)\"@elsewhere.test")),
            content: .pieces(prefix: Array("Return-Path: <>\r\n".utf8), count: buffers.count) { buffers[$0] },
            received: Timestamp(seconds: 1_800_000_000)
        )
    }

    private static func failure(_ outcome: LocalOutcome) -> DeliveryFailure? {
        if case .failed(let failure) = outcome { failure } else { nil }
    }

    private static func allowed(_ change: (inout OutletOptions) -> Void = { _ in }) -> OutletOptions {
        var options = OutletOptions()
        options.allowsCommands = true
        change(&options)
        return options
    }

    @Test func `nothing is allowed unless somebody says so`() throws {
        let file = MailboxFile.append(try Self.message(.file("/tmp/x"), "a"), to: "/tmp/x", OutletOptions())
        let command = AliasCommand.run("true", try Self.message(.command("true"), "a"), OutletOptions())
        for outcome in [file, command] { #expect(Self.failure(outcome)?.status == EnhancedStatus(5, 7, 1)) }
    }

    @Test(arguments: [["a\r\nb\r\n"], ["a\r", "\nb\r\n"], ["a\r\nb", "\r", "\n"], ["a", "\r\nb\r\n", ""]])
    func `lines end in LF wherever the pieces are cut`(pieces: [String]) throws {
        var lines = UnixLines()
        var text = ""
        for piece in pieces { text += String(buffer: lines.convert(ByteBuffer(string: piece))) }
        #expect(text == "a\nb\n")
    }

    @Test func `lines that look like a separator are quoted, RFC 4155, wherever they are cut`() {
        let text = "From a\n>From b\n>>From c\n From d\nFrom\nFro m\n>\n>x\nx From e\n"
        let wanted = ">From a\n>>From b\n>>>From c\n From d\nFrom\nFro m\n>\n>x\nx From e\n\n"
        for size in 1...text.utf8.count {
            var quoting = SeparatorQuoting()
            var quoted = ""
            var rest = ByteBuffer(string: text)
            while let piece = rest.readSlice(length: min(size, rest.readableBytes)), piece.readableBytes > 0 {
                quoted += String(buffer: quoting.quote(piece))
            }
            quoted += String(decoding: quoting.end(), as: UTF8.self)
            #expect(quoted == wanted, "pieces of \(size)")
        }
        var quoting = SeparatorQuoting()
        let open =
            String(buffer: quoting.quote(ByteBuffer(string: "x\n>Fr"))) + String(decoding: quoting.end(), as: UTF8.self)
        #expect(open == "x\n>Fr\n\n")
    }

    @Test func `what a crash left of a message does not swallow the next`() throws {
        let folder = NSTemporaryDirectory() + "martlet-outlet-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/box"
        try Data("From x Thu Jan  1 00:00:00 1970\nSubject: cut sho".utf8).write(to: URL(fileURLWithPath: path))
        var options = OutletOptions()
        options.folders = [folder]
        for _ in 0..<2 {
            let outcome = MailboxFile.append(
                try Self.message(.file(path), "Subject: x\r\n", "\r\nhello\r\n"),
                to: path,
                options
            )
            #expect(Self.failure(outcome) == nil)
        }
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let one =
            "From \"carol_$(x)\"@elsewhere.test Fri Jan 15 08:00:00 2027\nReturn-Path: <>\nSubject: x\n\nhello\n\n"
        #expect(text == "From x Thu Jan  1 00:00:00 1970\nSubject: cut sho\n\n" + one + one)
    }

    @Test(arguments: [
        (0, nil), (64, "5.3.0"), (65, "5.6.0"), (67, "5.1.1"), (68, "5.1.2"), (69, "5.3.0"), (71, "4.3.0"),
        (74, "4.3.0"),
        (75, "4.3.0"), (77, "5.7.0"), (78, "4.3.5"), (126, "4.3.5"), (127, "4.3.5"), (1, "5.3.0"),
    ])
    func `an exit status decides, sysexits.h`(status: Int, code: String?) throws {
        let outcome = AliasCommand.run("exit \(status)", try Self.message(.command(""), "a"), Self.allowed())
        #expect(Self.failure(outcome)?.status.description == code)
    }

    @Test func `a command has the message, tame addresses and nothing else in its environment`() throws {
        let command = "cat >/dev/null; echo \"$SENDER $RECIPIENT\"; env | cut -d= -f1 | sort | tr '\\n' ' '; exit 1"
        let outcome = AliasCommand.run(command, try Self.message(.command(command), "a"), Self.allowed())
        let text = try #require(Self.failure(outcome)?.text)
        #expect(text.contains("_carol___x__@elsewhere.test box@home.test"))
        #expect(
            text.hasSuffix("HOME LC_ALL PATH PWD RECIPIENT SENDER SHELL _")
                || text.hasSuffix("HOME LC_ALL PATH PWD RECIPIENT SENDER SHELL")
        )
        #expect(AliasCommand.tame("-oQ/tmp@x.test") == "_oQ/tmp@x.test")
    }

    @Test func `what takes too long is ended, with all that it started, and tried again`() throws {
        let options = Self.allowed { $0.commandTimeout = .milliseconds(200) }
        let began = ContinuousClock.now
        for command in ["sleep 1000", "sleep 1000 & wait", "exec >/dev/null 2>&1; sleep 1000"] {
            let outcome = AliasCommand.run(command, try Self.message(.command(command), "a"), options)
            #expect(Self.failure(outcome)?.status == EnhancedStatus(4, 3, 0))
        }
        let large = String(repeating: "x", count: 1 << 20)
        let deaf = AliasCommand.run("sleep 1000", try Self.message(.command(""), large), options)
        #expect(Self.failure(deaf)?.text.contains("longer than") == true)
        #expect(ContinuousClock.now - began < .seconds(280))
    }

    @Test func `a command may talk much and read nothing`() throws {
        let command = "yes | head -c 1000000; exit 69"
        let text = String(repeating: "y", count: 300_000)
        let outcome = AliasCommand.run(command, try Self.message(.command(command), text, text), Self.allowed())
        let failure = try #require(Self.failure(outcome))
        #expect(failure.status == EnhancedStatus(5, 3, 0))
        #expect(failure.text.utf8.count < 1200)
        let silent = AliasCommand.run("exec 0<&-; exit 0", try Self.message(.command(""), text), Self.allowed())
        #expect(Self.failure(silent) == nil)
    }
}
