import Foundation

/// Where an instance keeps everything.
public struct DataFolder: Sendable {
    public let path: String

    public init(_ path: String) {
        self.path = path
    }

    public var spool: String { path + "/spool" }
    public var accounts: String { path + "/accounts" }
    public var directory: String { path + "/directory.db" }
    /// The destinations that the operator suspended.
    var suspensions: String { path + "/suspended.json" }
    public var trace: String { path + "/trace" }
    public var certificate: String { path + "/self-signed.pem" }

    /// Makes the folder with mode 0700 where it is not there.
    public func make() throws {
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
    }

    /// The folder that commands mean when they name none: MARTLET_DATA, else that of the last `martlet dev` of this user,
    /// else /var/lib/martlet.
    public static func standard() -> String {
        if let named = ProcessInfo.processInfo.environment["MARTLET_DATA"], !named.isEmpty { return named }
        return FileManager.default.fileExists(atPath: development) ? development : "/var/lib/martlet"
    }

    /// Where `martlet dev` keeps its data unless it is told otherwise.
    public static var development: String {
        NSHomeDirectory() + "/.martlet/dev"
    }
}
