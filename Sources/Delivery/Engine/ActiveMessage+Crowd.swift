import DeliveryScheduler

extension ActiveMessage {
    /// A message for more addresses than this has them looked up instead of searched for.
    static let crowd = 64

    /// Where things are among the addresses of a message that has many: 10,000 members of a list are 10,000 steps then, not their square.
    struct Crowd {
        /// The place of each number.
        var places: [UInt32: Int] = [:]
        /// Of each recipient, how many addresses it leads to, and how many of them are not done.
        var leads: [Int: Int] = [:]
        var open: [Int: Int] = [:]
        /// The places of those that go to a destination, in order, and the first of them that is not done.
        var queues: [Destination: Queue] = [:]

        struct Queue {
            var places: [Int] = []
            var first = 0
        }

        init(_ targets: [Target]) {
            places.reserveCapacity(targets.count)
            for (place, target) in targets.enumerated() {
                places[target.key] = place
                queues[target.route.destination(for: target.address), default: Queue()].places.append(place)
                // Most recipients are one address, and a missing count stands for that.
                guard target.isExpanded else { continue }
                leads[target.recipient, default: 0] += 1
                if target.state != .done { open[target.recipient, default: 0] += 1 }
            }
        }
    }

    /// Whether each recipient gets a copy of its own. Plain messages are told by what they have not.
    var hasCopies: Bool { !envelope.hasPlainTerms && envelope.terms.hasPathPerRecipient }

    /// Takes other addresses, with their states.
    func replaceTargets(_ targets: [Target]) {
        self.targets = targets
        firstOpen = 0
        crowd = targets.count > Self.crowd ? Crowd(targets) : nil
    }

    func index(_ key: UInt32) -> Int? {
        // Mostly a recipient's place in the envelope is its place here.
        if Int(key) < targets.count, targets[Int(key)].key == key { return Int(key) }
        if let crowd { return crowd.places[key] }
        return targets.firstIndex { $0.key == key }
    }

    func target(_ key: UInt32) -> Target? { index(key).map { targets[$0] } }

    /// The places to look at for what goes to a destination; `nil` for all, where they are few.
    func places(for destination: Destination) -> ArraySlice<Int>? {
        guard crowd != nil else { return nil }
        guard var queue = crowd?.queues[destination] else { return [] }
        while queue.first < queue.places.count, targets[queue.places[queue.first]].state == .done { queue.first += 1 }
        crowd?.queues[destination]?.first = queue.first
        return queue.places[queue.first...]
    }

    /// Addresses that the recipient of one leads to.
    func leads(of target: Target) -> Int {
        guard target.isExpanded else { return 1 }
        if let crowd { return crowd.leads[target.recipient] ?? 1 }
        return targets.count { $0.recipient == target.recipient }
    }

    /// An address is done; says whether all are that its recipient leads to.
    func markDone(_ place: Int) -> Bool {
        let wasDone = targets[place].state == .done
        targets[place].state = .done
        let recipient = targets[place].recipient
        guard targets[place].isExpanded else { return true }
        guard crowd != nil else { return targets.allSatisfy { $0.recipient != recipient || $0.state == .done } }
        if !wasDone { crowd?.open[recipient, default: 1] -= 1 }
        return (crowd?.open[recipient] ?? 0) <= 0
    }
}
