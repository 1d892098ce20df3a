import MailBytes

/// A clock that moves when nothing is left to do at its moment: what happens next is the earliest of what was planned.
final class SimulatedTime {
    private struct Plan {
        var moment: Int64
        var number: Int
        var action: () -> Void

        func comesBefore(_ other: Plan) -> Bool {
            moment == other.moment ? number < other.number : moment < other.moment
        }
    }

    /// Microseconds since the simulation began.
    private(set) var microseconds: Int64 = 0
    private var plans: [Plan] = []
    private var planned = 0

    /// Has something happen after so many microseconds. What was planned first for one moment happens first.
    func after(_ delay: Int64, _ action: @escaping () -> Void) {
        planned += 1
        let plan = Plan(moment: microseconds + max(0, delay), number: planned, action: action)
        plans.append(plan)
        var place = plans.count - 1
        while place > 0 {
            let parent = (place - 1) / 2
            guard plan.comesBefore(plans[parent]) else { break }
            plans[place] = plans[parent]
            place = parent
        }
        plans[place] = plan
    }

    /// Lets the next thing happen; `false` when there is none.
    func step() -> Bool {
        guard let next = plans.first, let last = plans.popLast() else { return false }
        let count = plans.count
        var place = 0
        // The hole at the front moves down to where the last one belongs.
        while 2 * place + 1 < count {
            var child = 2 * place + 1
            if child + 1 < count && plans[child + 1].comesBefore(plans[child]) { child += 1 }
            guard plans[child].comesBefore(last) else { break }
            plans[place] = plans[child]
            place = child
        }
        if count > 0 { plans[place] = last }
        microseconds = next.moment
        next.action()
        return true
    }
}
