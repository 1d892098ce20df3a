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
    /// Octets of uploads, all together, that may wait for the disk before their senders are slowed.
    public var uploadBacklog = ByteCount.mebibytes(8)

    public init() {}
}
