import Certificates
import Foundation
import MailBytes
import NIOSSL
import Testing

/// A folder of this test's own, gone with it.
final class Folder {
    let path: String

    init() throws {
        self.path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    func file(_ name: String, _ content: String = "") throws -> String {
        let path = self.path + "/" + name
        if !content.isEmpty { try content.write(toFile: path, atomically: false, encoding: .utf8) }
        return path
    }
}

let now = Timestamp(seconds: 1_800_000_000)

@Suite("Self-signed certificates") struct SelfSignedCertificateTests {
    @Test func `one is made for the names and the loopback addresses, for ten years, mode 0600`() throws {
        let folder = try Folder()
        let path = try folder.file("self-signed.pem")
        let identity = try SelfSignedCertificate.loadOrMake(path: path, names: ["mail.example.test"], now: now)
        #expect(identity.expires == now + .seconds(3652 * 86_400))
        #expect(!identity.isKeyExposed)
        let leaf = try #require(identity.chain.first)
        #expect(leaf.notValidBefore == 1_800_000_000 - 86_400)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["self-signed.pem"])
        let der = try leaf.toDERBytes()
        for part in [Array("mail.example.test".utf8), Array("localhost".utf8), [127, 0, 0, 1]] {
            #expect(der.firstRange(of: part) != nil, "\(part)")
        }
    }

    @Test func `what is there is kept, and made anew a month before its end`() throws {
        let folder = try Folder()
        let path = try folder.file("self-signed.pem")
        let first = try SelfSignedCertificate.loadOrMake(path: path, names: ["a.test"], now: now)
        let kept = try SelfSignedCertificate.loadOrMake(path: path, names: ["b.test"], now: now + .seconds(86_400))
        #expect(try first.chain.map { try $0.toDERBytes() } == kept.chain.map { try $0.toDERBytes() })
        let late = now + .seconds(3640 * 86_400)
        let renewed = try SelfSignedCertificate.loadOrMake(path: path, names: ["b.test"], now: late)
        #expect(renewed.expires == late + .seconds(3652 * 86_400))
    }

    @Test func `a long name or none is no obstacle`() throws {
        let folder = try Folder()
        let long = String(repeating: "a", count: 60) + ".example.test"
        _ = try SelfSignedCertificate.loadOrMake(path: folder.file("a"), names: [long], now: now)
        _ = try SelfSignedCertificate.loadOrMake(path: folder.file("b"), names: [], now: now)
    }

    @Test func `a folder that is not there is named`() throws {
        let folder = try Folder()
        let error = #expect(throws: TLSIdentityError.self) {
            try SelfSignedCertificate.loadOrMake(path: folder.path + "/none/x.pem", names: [], now: now)
        }
        #expect(error?.description.contains("/none/x.pem cannot be written: No such file or directory") == true)
    }
}

@Suite("TLS identities") struct TLSIdentityTests {
    /// A certificate and its key in two files.
    private static func pair(_ folder: Folder, _ name: String) throws -> (chain: String, key: String) {
        let path = try folder.file(name + ".pem")
        _ = try SelfSignedCertificate.loadOrMake(path: path, names: [name], now: now)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let cut = try #require(
            text.range(of: "-----BEGIN PRIVATE KEY-----") ?? text.range(of: "-----BEGIN EC PRIVATE KEY-----")
        )
        let chain = try folder.file(name + ".crt", String(text[..<cut.lowerBound]))
        let key = try folder.file(name + ".key", String(text[cut.lowerBound...]))
        return (chain, key)
    }

    @Test func `a chain and a key in two files are loaded`() throws {
        let folder = try Folder()
        let pair = try Self.pair(folder, "a.test")
        let identity = try TLSIdentity.load(chain: pair.chain, key: pair.key)
        #expect(identity.chain.count == 1)
    }

    @Test func `each thing that can be wrong has its name and its file`() throws {
        let folder = try Folder()
        let good = try Self.pair(folder, "a.test"), other = try Self.pair(folder, "b.test")
        let text = try folder.file("text", "nothing of use\n")
        let large = try folder.file("large", String(repeating: "x", count: TLSIdentity.maximumFileSize + 1))
        func reason(_ chain: String, _ key: String) -> (TLSIdentityError.Reason, String)? {
            do throws(TLSIdentityError) {
                _ = try TLSIdentity.load(chain: chain, key: key)
                return nil
            } catch {
                return (error.reason, error.path)
            }
        }
        let rows: [(String, String, TLSIdentityError.Reason, String)] = [
            (folder.path + "/none", good.key, .unreadable("No such file or directory"), folder.path + "/none"),
            (good.chain, folder.path + "/none", .unreadable("No such file or directory"), folder.path + "/none"),
            (folder.path, good.key, .unreadable("not a file"), folder.path),
            (large, good.key, .tooLarge, large),
            (text, good.key, .noCertificate, text),
            (good.key, good.key, .noCertificate, good.key),
            (good.chain, text, .noPrivateKey, text),
            (good.chain, good.chain, .noPrivateKey, good.chain),
            (good.chain, other.key, .mismatch, other.key),
        ]
        for (chain, key, expected, path) in rows {
            let found = reason(chain, key)
            #expect(found?.0 == expected)
            #expect(found?.1 == path)
        }
    }

    @Test func `a key that everybody can read is told`() throws {
        let folder = try Folder()
        let pair = try Self.pair(folder, "a.test")
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: pair.key)
        #expect(try TLSIdentity.load(chain: pair.chain, key: pair.key).isKeyExposed)
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: pair.key)
        #expect(try !TLSIdentity.load(chain: pair.chain, key: pair.key).isKeyExposed)
    }

    @Test func `a source gives one context until it is reloaded, and keeps the old one when that fails`() throws {
        let folder = try Folder()
        let first = try Self.pair(folder, "a.test"), second = try Self.pair(folder, "b.test")
        let source = try TLSIdentitySource(.files(chain: first.chain, key: first.key), now: now)
        let before = source.serverContext
        #expect(source.serverContext === before)
        try source.reload(from: .files(chain: second.chain, key: second.key), now: now)
        let after = source.serverContext
        #expect(after !== before)
        #expect(throws: TLSIdentityError.self) {
            try source.reload(from: .files(chain: first.chain, key: second.key), now: now)
        }
        #expect(source.serverContext === after)
        try source.reload(now: now)
        #expect(source.serverContext !== after)
    }

    @Test func `client contexts can be made`() throws {
        _ = try NIOSSLContext(configuration: .martletOpportunisticClient())
        _ = try NIOSSLContext(configuration: .martletVerifyingClient())
        #expect(TLSConfiguration.martletOpportunisticClient().certificateVerification == .none)
        #expect(TLSConfiguration.martletVerifyingClient().certificateVerification == .fullVerification)
        #expect(TLSConfiguration.martletVerifyingClient().minimumTLSVersion == .tlsv12)
    }
}
