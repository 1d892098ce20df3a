/// The earliest of many moments, each belonging to a slot that can be moved or taken out: O(log n), 20 bytes a slot.
struct TimerHeap: Sendable {
    private struct Node {
        var time: Int64
        var slot: Int32
    }

    private var nodes: [Node] = []
    /// Where each slot stands among the nodes; -1 when it has no moment.
    private var positions: [Int32] = []

    var count: Int { nodes.count }

    /// The earliest moment and whose it is.
    var first: (time: Int64, slot: Int32)? {
        nodes.isEmpty ? nil : (nodes[0].time, nodes[0].slot)
    }

    /// Gives the slot a moment, instead of the one it had.
    mutating func set(_ slot: Int32, to time: Int64) {
        let index = Int(slot)
        if index >= positions.count {
            positions.append(contentsOf: repeatElement(-1, count: index + 1 - positions.count))
        }
        let position = Int(positions[index])
        if position < 0 {
            nodes.append(Node(time: time, slot: slot))
            siftUp(nodes.count - 1)
        } else {
            let before = nodes[position].time
            nodes[position].time = time
            if time < before { siftUp(position) } else { siftDown(position) }
        }
    }

    /// Takes the slot's moment away, if it has one.
    mutating func remove(_ slot: Int32) {
        guard Int(slot) < positions.count else { return }
        let position = Int(positions[Int(slot)])
        guard position >= 0 else { return }
        positions[Int(slot)] = -1
        let last = nodes.removeLast()
        guard position < nodes.count else { return }
        nodes[position] = last
        positions[Int(last.slot)] = Int32(position)
        siftUp(position)
        siftDown(Int(positions[Int(last.slot)]))
    }

    private mutating func siftUp(_ start: Int) {
        var position = start
        let node = nodes[position]
        while position > 0 {
            let parent = (position - 1) / 2
            guard node.time < nodes[parent].time else { break }
            nodes[position] = nodes[parent]
            positions[Int(nodes[position].slot)] = Int32(position)
            position = parent
        }
        nodes[position] = node
        positions[Int(node.slot)] = Int32(position)
    }

    private mutating func siftDown(_ start: Int) {
        var position = start
        let node = nodes[position]
        while true {
            var child = 2 * position + 1
            guard child < nodes.count else { break }
            if child + 1 < nodes.count && nodes[child + 1].time < nodes[child].time { child += 1 }
            guard nodes[child].time < node.time else { break }
            nodes[position] = nodes[child]
            positions[Int(nodes[position].slot)] = Int32(position)
            position = child
        }
        nodes[position] = node
        positions[Int(node.slot)] = Int32(position)
    }
}
