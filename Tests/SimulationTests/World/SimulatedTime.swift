import MailBytes

/// A clock that moves when nothing is left to do at its moment: what happens next is the earliest of what was planned.
final class SimulatedTime {
    private struct Plan {
        var moment: Int64
        var number: Int
        var action: () -> Void
    }

    /// Microseconds since the simulation began.
    private(set) var microseconds: Int64 = 0
    private var plans: [Plan] = []
    private var planned = 0

    /// Has something happen after so many microseconds. What was planned first for one moment happens first.
    func after(_ delay: Int64, _ action: @escaping () -> Void) {
        planned += 1
        plans.append(Plan(moment: microseconds + max(0, delay), number: planned, action: action))
        var place = plans.count - 1
        while place > 0, comesBefore(place, (place - 1) / 2) {
            plans.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    /// Lets the next thing happen; `false` when there is none.
    func step() -> Bool {
        guard let next = plans.first else { return false }
        plans.swapAt(0, plans.count - 1)
        plans.removeLast()
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < plans.count && comesBefore(child, least) {
                least = child
            }
            guard least != place else { break }
            plans.swapAt(place, least)
            place = least
        }
        microseconds = next.moment
        next.action()
        return true
    }

    private func comesBefore(_ left: Int, _ right: Int) -> Bool {
        (plans[left].moment, plans[left].number) < (plans[right].moment, plans[right].number)
    }
}
