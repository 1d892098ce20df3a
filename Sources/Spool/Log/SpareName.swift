/// Names of files that wait to become segments.
enum SpareName {
    /// Of the size of a segment, and written once from end to end.
    static let finished = "spare-"
    /// Still being filled; worthless after a crash.
    static let unfinished = "filling-"
}
