import DeliveryScheduler
import Foundation
import Glibc
import MailBytes
import MailNames

/// The destinations that the operator suspended, in a file of the data folder: JSON with a version. It is replaced as a whole, so that
/// after a crash the old one or the new one is there.
struct SuspensionFile: Sendable {
    /// It cannot be read or written.
    struct Failure: Error, CustomStringConvertible {
        var path: String
        var reason: String
        /// One line an operator can act on.
        var description: String { "the list of suspended destinations \(path) \(reason)" }
    }

    private struct Content: Codable {
        struct Item: Codable {
            var destination: String
            var reason: String
            /// In microseconds.
            var since: Int64
        }

        var version: Int
        var suspended: [Item]
    }

    private static let version = 1
    /// More destinations are not read.
    private static let limit = 100_000

    let path: String

    /// What it holds; nothing when it is not there.
    ///
    /// - Throws: `Failure` when it is of a newer program or cannot be read.
    func read() throws -> [Destination: Suspension] {
        guard FileManager.default.fileExists(atPath: path) else { return [:] }
        let content: Content
        do {
            content = try JSONDecoder().decode(Content.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw Failure(path: path, reason: "cannot be read: \(error)")
        }
        guard content.version == Self.version else {
            throw Failure(path: path, reason: "is of a newer program (version \(content.version))")
        }
        var found: [Destination: Suspension] = [:]
        for item in content.suspended.prefix(Self.limit) {
            guard let destination = Destination(named: item.destination) else { continue }
            let since = Timestamp(microseconds: item.since)
            found[destination] = Suspension(reason: item.reason, since: since)
        }
        return found
    }

    /// Replaces it. On return it is on stable storage. Blocks for as long as that takes.
    func write(_ suspensions: [Destination: Suspension]) throws {
        let items = suspensions.map { destination, suspension in
            Content.Item(
                destination: destination.description,
                reason: suspension.reason,
                since: suspension.since.microseconds
            )
        }
        let content = Content(version: Self.version, suspended: items.sorted { $0.destination < $1.destination })
        let data = try JSONEncoder().encode(content)
        let temporary = "\(path).\(UUID().uuidString)"
        let url = URL(fileURLWithPath: temporary)
        do {
            try data.write(to: url)
            let handle = try FileHandle(forUpdating: url)
            try handle.synchronize()
            try handle.close()
            guard rename(temporary, path) == 0 else { throw Failure(path: path, reason: "cannot be replaced") }
            let folder = try FileHandle(forReadingFrom: url.deletingLastPathComponent())
            try folder.synchronize()
            try folder.close()
        } catch {
            try? FileManager.default.removeItem(at: url)
            throw Failure(path: path, reason: "cannot be written: \(error)")
        }
    }
}

extension Destination {
    /// Reads what `description` writes, and what operators write: `example.org`, `[192.0.2.1]`, `relay.example.net:587`, `local`.
    init?(named text: String) {
        if text == "local" {
            self = .local
            return
        }
        guard let host = RelayHost(text, defaultPort: 0) else { return nil }
        switch host.destination {
        case .relay(host: .domain(let domain), port: 0): self = .domain(domain)
        case .relay(host: .literal(let literal), port: 0): self = .literal(literal)
        case let destination: self = destination
        }
    }
}
