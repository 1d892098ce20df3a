import MailBytes

/// How a spool uses its disk.
public struct SpoolOptions: Sendable, Hashable {
    /// The size of a segment file.
    public var segmentSize = ByteCount.mebibytes(64)
    /// Finished segments that are kept for reuse instead of being deleted: overwriting in place makes a sync cheaper.
    public var spareSegments = 2
    /// Segments in all; new messages are refused beyond it.
    public var maximumSize = ByteCount.gibibytes(64)
    /// Free space on the disk below which new messages are refused; progress is written all the same.
    public var minimumFreeSpace = ByteCount.mebibytes(256)
    /// Bodies of messages just committed that are kept in memory for their delivery.
    public var recentContent = ByteCount.mebibytes(32)
    /// Octets of uploads that may wait for the disk before their senders are slowed.
    public var uploadBacklog = ByteCount.mebibytes(8)

    public init() {}
}

/// Why the spool cannot do what was asked.
public struct SpoolError: Error, Sendable, CustomStringConvertible {
    public enum Reason: Sendable, Hashable {
        /// The disk is full, or a bound is reached: 452 4.3.1.
        case full
        /// The disk failed to write or sync: 451 4.3.0. The message is not acknowledged.
        case disk
        /// Another server has this spool open.
        case locked
        /// A segment is of a newer program.
        case newerFormat(Int)
        /// There is no such message.
        case unknownMessage
        /// The content's checksum does not fit.
        case damaged
        case closed
    }

    public let reason: Reason
    public let path: String
    /// The system's error number, 0 where there is none.
    public let number: Int32

    init(_ reason: Reason, path: String = "", number: Int32 = 0) {
        self.reason = reason
        self.path = path
        self.number = number
    }

    /// One line an operator can act on.
    public var description: String {
        let system = number == 0 ? "" : " (\(SystemFiles.text(of: number)))"
        switch reason {
        case .full: return "the spool is full\(system): free some disk space or raise spool.max-size"
        case .disk: return "the spool's disk failed at \(path)\(system)"
        case .locked: return "the spool \(path) is in use by another server"
        case .newerFormat(let version):
            return "the spool segment \(path) has format \(version), newer than this program's: use a newer Martlet"
        case .unknownMessage: return "there is no such message in the queue"
        case .damaged: return "the content of the message is damaged in \(path)"
        case .closed: return "the spool is closed"
        }
    }
}
