/// What opening a spool found: for the log, and for whoever asks after a crash.
public struct RecoveryReport: Sendable, Hashable {
    public var segments = 0
    public var messages = 0
    public var records = 0
    /// Octets at the end of the newest segment that were never acknowledged and are not whole.
    public var cutOctets = 0
    /// Octets in the middle that were written and are damaged.
    public var damagedOctets = 0
    /// Octets that the disk did not give back.
    public var unreadableOctets = 0
    /// The segments that they are in.
    public var partlyUnreadable: [String] = []
    /// Segments that could not be read at all; they were moved aside.
    public var unreadable: [String] = []

    public init() {}

    /// Sentences for the log; none for an empty spool.
    public var sentences: [String] {
        var all: [String] = []
        if messages > 0 { all.append("Messages in the spool: \(messages), in segments: \(segments).") }
        if cutOctets > 0 {
            all.append("A write that was never acknowledged was cut off the end of the spool (\(cutOctets) octets).")
        }
        if damagedOctets > 0 {
            all.append("\(damagedOctets) octets of the spool are not what was written there; mail may be missing.")
        }
        if unreadableOctets > 0 {
            all.append(
                "The disk did not give back \(unreadableOctets) octets of \(partlyUnreadable.joined(separator: ", ")); mail may "
                    + "be missing. The file is kept with .damaged behind its name when nothing else in it is needed."
            )
        }
        for name in unreadable {
            all.append(
                "The segment \(name) could not be read and was set aside as \(name).damaged; mail may be missing."
            )
        }
        return all
    }
}
