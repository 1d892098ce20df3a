import Glibc

/// Why the spool cannot do what was asked.
public struct SpoolError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Reason: Sendable, Hashable {
        /// The disk is full, or a bound is reached: 452 4.3.1.
        case full
        /// The disk failed to write or sync: 451 4.3.0. The message is not acknowledged.
        case disk
        /// Another server has this spool open.
        case locked
        /// A segment is of a newer program.
        case newerFormat(Int)
        /// At the start, the system did not open a segment or give it back. Nothing was changed.
        case unreadable
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

    public init(_ reason: Reason, path: String = "", number: Int32 = 0) {
        self.reason = reason
        self.path = path
        self.number = number
    }

    /// What a failed system call means: a full disk is told apart from a broken one, for the peer may come back sooner.
    public init(system number: Int32, path: String) {
        self.init(number == ENOSPC || number == EDQUOT ? .full : .disk, path: path, number: number)
    }

    /// One line an operator can act on.
    public var description: String {
        let system = number == 0 ? "" : " (\(String(cString: strerror(number))))"
        switch reason {
        case .full: return "the spool is full\(system): free some disk space or raise spool.max-size"
        case .disk: return "the spool's disk failed at \(path)\(system)"
        case .locked: return "the spool \(path) is in use by another server"
        case .newerFormat(let version):
            return "the spool segment \(path) has format \(version), newer than this program's: use a newer Martlet"
        case .unreadable:
            return
                "the spool segment \(path) could not be read\(system), and nothing was changed: put right what is the matter, "
                + "or, to do without the mail in it, move it out of the spool, and start again"
        case .unknownMessage: return "there is no such message in the queue"
        case .damaged: return "the content of the message is damaged in \(path)"
        case .closed: return "the spool is closed"
        }
    }
}
