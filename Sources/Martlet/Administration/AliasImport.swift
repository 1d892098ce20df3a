import Directory
import Foundation

/// The aliases of a file in sendmail's form, read where the command runs, with the files that it includes.
public struct AliasImport: Codable, Sendable {
    /// The file.
    public var place: String
    public var entries: [AliasFile.Entry]
    /// What could not be read.
    public var problems: [AliasFile.Problem]
    /// Where names without a domain belong; `nil` for the only local domain there is.
    public var domain: String?
    /// Whether aliases that are there get the new targets.
    public var replaces: Bool

    /// How deep included files may include others.
    private static let depth = 8

    /// Reads a file and what it includes.
    ///
    /// - Throws: when the file itself cannot be read.
    public init(file: String, domain: String?, replaces: Bool) throws {
        place = file
        self.domain = domain
        self.replaces = replaces
        (entries, problems) = AliasFile.parse(try Self.text(of: file), place: file)
        for index in entries.indices {
            let entry = entries[index]
            entries[index].targets = Self.include(
                entry.targets,
                AliasFile.Problem(place: file, line: entry.line, reason: ""),
                depth: 0,
                &problems
            )
        }
    }

    private static func text(of file: String) throws -> String {
        let data = try Data(contentsOf: URL(fileURLWithPath: file))
        guard data.count <= AliasFile.sizeLimit else { throw CocoaError(.fileReadTooLarge) }
        return String(decoding: data, as: UTF8.self)
    }

    /// The targets with those of the files that they include in their place.
    private static func include(
        _ targets: [String],
        _ place: AliasFile.Problem,
        depth: Int,
        _ problems: inout [AliasFile.Problem]
    ) -> [String] {
        var whole: [String] = []
        for target in targets {
            guard target.lowercased().hasPrefix(":include:") else {
                whole.append(target)
                continue
            }
            let path = target.dropFirst(9).trimmingCharacters(in: .whitespaces)
            var problem = place
            guard path.hasPrefix("/"), depth < self.depth else {
                problem.reason =
                    path.hasPrefix("/") ? "files include each other too deeply" : "\(path) is no absolute path"
                problems.append(problem)
                continue
            }
            do {
                let (found, wrong) = AliasFile.parseIncluded(try text(of: path), place: path)
                problems += wrong
                let inner = AliasFile.Problem(place: path, line: 0, reason: "")
                whole += include(found, inner, depth: depth + 1, &problems)
            } catch {
                problem.reason = "\(path) cannot be read: \((error as NSError).localizedDescription)"
                problems.append(problem)
            }
            if whole.count > AliasFile.targetLimit { break }
        }
        return whole
    }
}
