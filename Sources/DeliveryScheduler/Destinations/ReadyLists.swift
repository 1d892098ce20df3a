import MailNames

/// How urgent an entry is: RFC 6710 leaves to us how many classes its nineteen priorities come down to.
public enum PriorityClass: UInt8, Hashable, Sendable, CaseIterable {
    case flash, urgent, normal, low, bulk

    public init(_ priority: MessagePriority) {
        self =
            switch priority.rawValue {
            case 6...: .flash
            case 1...: .urgent
            case 0: .normal
            case (-5)...: .low
            default: .bulk
            }
    }

    /// Its share of what a destination takes while others wait too. Each class gets its share: none starves.
    var weight: Int16 {
        switch self {
        case .flash: 16
        case .urgent: 8
        case .normal: 4
        case .low: 2
        case .bulk: 1
        }
    }

    /// Whether its destination goes before those that have nothing of the kind.
    var isUrgent: Bool { self.rawValue < Self.normal.rawValue }
}

/// What is ready for one destination, by class. Mostly all of it is of one.
struct ReadyLists: Sendable {
    private var lists: [5 of EntryList] = .init(repeating: EntryList())
    /// What each class is owed: the smooth weighted round, in which a class goes first that has waited for its share longest.
    private var credits: [5 of Int16] = .init(repeating: 0)
    private(set) var count = 0
    /// Entries of the classes before `normal`.
    private(set) var urgent = 0

    subscript(priority: PriorityClass) -> EntryList { lists[Int(priority.rawValue)] }

    /// Changes the list of a class.
    mutating func change(_ priority: PriorityClass, _ body: (inout EntryList) -> Void) {
        let index = Int(priority.rawValue)
        let before = lists[index].count
        body(&lists[index])
        let added = lists[index].count - before
        count += added
        if priority.isUrgent { urgent += added }
    }

    /// The entry whose turn it is; -1 when there is none.
    mutating func next() -> Int32 {
        let normal = lists[Int(PriorityClass.normal.rawValue)]
        if normal.count == count { return normal.first }
        var (total, best): (Int16, Int) = (0, -1)
        for priority in PriorityClass.allCases where lists[Int(priority.rawValue)].count > 0 {
            let index = Int(priority.rawValue)
            credits[index] += priority.weight
            total += priority.weight
            if best < 0 || credits[index] > credits[best] { best = index }
        }
        guard best >= 0 else { return -1 }
        credits[best] -= total
        return lists[best].first
    }
}
