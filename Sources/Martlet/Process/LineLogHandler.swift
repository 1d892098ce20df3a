import Foundation
import Logging
import MailBytes
import MailEvents

/// Writes each log event as one line to standard error: time, level, sentence, values.
public struct LineLogHandler: LogHandler {
    public var metadata: Logger.Metadata = [:]
    public var logLevel: Logger.Level

    public init(level: Logger.Level) {
        self.logLevel = level
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var line = "\(WallClock.system.now().iso8601) \(event.level): \(Self.flat("\(event.message)"))"
        let values = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in values.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(Self.flat("\(value)"))" }
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }

    /// Without control characters: one event is one line, whatever a peer said.
    private static func flat(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 })
        )
    }
}
