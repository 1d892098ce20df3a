import MailEvents
import MailNames
import NIOCore

/// A spool looked at without a server and without changing anything, for the command line: what was there when it was opened.
///
/// A running server goes on meanwhile; what it has finished and overwritten since is then unknown or damaged.
public struct SpoolSnapshot: Sendable {
    private let reader: SpoolReader
    /// What a server would find and say.
    public let recoveryReport: RecoveryReport

    /// Reads the spool in a folder.
    ///
    /// - Throws: `.newerFormat`, or `.disk` when there is no such folder.
    public init(folder: String) throws(SpoolError) {
        try self.init(files: SystemFiles(folder: folder, isReadOnly: true))
    }

    package init(files: any SpoolFiles) throws(SpoolError) {
        let index = SharedIndex()
        self.recoveryReport = try Recovery.run(files: files, index: index, isReadOnly: true).report
        self.reader = SpoolReader(index: index)
    }

    /// All queue ids, oldest first.
    public var ids: [QueueID] { reader.ids().map(QueueID.init(rawValue:)) }

    /// What is known of a message; `nil` when it is not in the queue.
    public func message(_ id: QueueID) -> SpooledMessage? { reader.message(id.rawValue) }

    /// The envelope.
    ///
    /// - Throws: `.unknownMessage`, `.damaged`.
    public func envelope(_ id: QueueID) throws(SpoolError) -> Envelope { try reader.envelope(id.rawValue) }

    /// The number of pieces of a message's content.
    public func pieces(of id: QueueID) throws(SpoolError) -> Int { try reader.pieces(of: id.rawValue) }

    /// One piece of the content.
    ///
    /// - Throws: `.unknownMessage`, `.damaged`.
    public func content(_ id: QueueID, piece: Int = 0) throws(SpoolError) -> ByteBuffer {
        try reader.content(id.rawValue, piece: piece)
    }
}
