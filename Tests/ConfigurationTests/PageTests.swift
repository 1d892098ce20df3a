import Configuration
import Foundation
import Testing

@Suite("Pages made from the table of keys") struct PageTests {
    @Test func `the sample is read without an error and sets nothing but defaults`() throws {
        let read = try ConfigurationReader.read(text: ConfigurationPages.sample, from: "sample")
        #expect(read == MartletConfiguration())
    }

    @Test func `the examples in the sample are valid`() throws {
        let uncommented = ConfigurationPages.sample.split(separator: "\n").map { line in
            line.wholeMatch(of: /# ([a-z0-9-]+ = .*)/).map { String($0.1) } ?? String(line)
        }
        let read = try ConfigurationReader.read(text: uncommented.joined(separator: "\n"), from: "sample")
        #expect(read != MartletConfiguration())
        #expect(read.tls.certificate != nil && read.server.hostName != nil && read.outbound.smartHost != nil)
    }

    @Test func `every key is in the sample and in the reference, once`() {
        let sample = ConfigurationPages.sample
        for key in ConfigurationTable.keys {
            let name = key.path.split(separator: ".").last.map(String.init) ?? key.path
            #expect(sample.contains("\n\(name) = ") || sample.contains("\n# \(name) = "), "\(key.path)")
            #expect(ConfigurationPages.reference.components(separatedBy: "| `\(key.path)`").count == 2, "\(key.path)")
        }
        #expect(Set(ConfigurationTable.keys.map(\.path)).count == ConfigurationTable.keys.count)
    }

    /// The files in the tree are what the table says now: `UPDATE_GOLDEN=1 swift test` writes them anew.
    @Test(arguments: [
        ("packaging/martlet.toml", ConfigurationPages.sample),
        ("Documentation/Operations/Configuration.md", ConfigurationPages.reference),
    ])
    func `the generated file is up to date`(path: String, text: String) throws {
        let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let file = root.appendingPathComponent(path)
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil {
            try Data(text.utf8).write(to: file)
        }
        let written = try String(contentsOf: file, encoding: .utf8)
        #expect(written == text, "Run UPDATE_GOLDEN=1 swift test --filter PageTests")
    }
}
