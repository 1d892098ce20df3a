import Foundation
import Testing

@testable import Martlet

@Suite("Files with secrets") struct SecretFileTests {
    private static func with(_ text: String, mode: mode_t, _ body: (String) throws -> Void) throws {
        let file = NSTemporaryDirectory() + "martlet-secret-" + UUID().uuidString
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        try #require(chmod(file, mode) == 0)
        try body(file)
    }

    @Test(arguments: [0o600, 0o400, 0o640] as [mode_t])
    func `the first line is the secret, for the owner and the server's group`(mode: mode_t) throws {
        try Self.with("s3cret\nmore\n", mode: mode) { file in
            let (line, isKept) = try SecretFiles().firstLine(of: file, group: getegid())
            #expect(line == Array("s3cret".utf8))
            #expect(!isKept)
        }
    }

    @Test(arguments: [0o644, 0o604, 0o660, 0o602] as [mode_t])
    func `a file that is open to others is refused`(mode: mode_t) throws {
        try Self.with("s3cret\n", mode: mode) { file in
            #expect(throws: SecretFiles.Problem.self) { try SecretFiles().firstLine(of: file, group: getegid()) }
        }
    }

    @Test func `a group that is not the server's is others`() throws {
        try Self.with("s3cret\n", mode: 0o640) { file in
            #expect(throws: SecretFiles.Problem.self) { try SecretFiles().firstLine(of: file, group: getegid() &+ 1) }
        }
    }

    @Test func `an empty line, a folder and nothing at all are no secret`() throws {
        try Self.with("\nmore\n", mode: 0o600) { file in
            #expect(throws: SecretFiles.Problem.self) { try SecretFiles().firstLine(of: file, group: getegid()) }
        }
        for path in [NSTemporaryDirectory(), "/nonexistent/martlet"] {
            #expect(throws: SecretFiles.Problem.self) { try SecretFiles().firstLine(of: path, group: getegid()) }
        }
    }

    @Test func `who may read a file is told by its mode and the folders above it`() throws {
        let readable = { (path: String, user: String) in try Privileges.canRead(path, as: user) }
        try Self.with("x", mode: 0o644) { file in
            let answers = [try readable("/etc/passwd", "nobody"), try readable(file, "root")]
            #expect(answers == [true, true])
            try #require(chmod(file, 0o600) == 0)
            let others = try readable(file, "nobody")
            #expect(!others)
        }
        let missing = try readable("/nonexistent", "nobody")
        #expect(!missing)
        #expect(throws: Privileges.Failure.self) { try Privileges.canRead("/etc/passwd", as: "no-such-user") }
    }
}
