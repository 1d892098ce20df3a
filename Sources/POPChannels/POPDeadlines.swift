import NIOCore
import POPProtocol

/// When a connection has had its time. One timer a connection looks here when it fires, and is set anew for what is left:
/// no timer is touched for a line.
struct POPDeadlines {
    var connected = NIODeadline.distantFuture
    var lastActivity = NIODeadline.distantFuture

    func end(_ timeouts: POPTimeouts, isAuthenticated: Bool) -> NIODeadline {
        let idle = self.lastActivity + TimeAmount(timeouts.inactivity)
        return isAuthenticated ? idle : min(idle, self.connected + TimeAmount(timeouts.untilLogin))
    }
}

extension POPServerHandler {
    func startTimer(_ context: ChannelHandlerContext) {
        let now = context.eventLoop.now
        self.deadlines = POPDeadlines(connected: now, lastActivity: now)
        self.setTimer(context)
    }

    private func setTimer(_ context: ChannelHandlerContext) {
        let end = self.deadlines.end(self.settings.timeouts, isAuthenticated: self.session.isAuthenticated)
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: end) {
            self.timerFired(context)
        }
    }

    private func timerFired(_ context: ChannelHandlerContext) {
        let end = self.deadlines.end(self.settings.timeouts, isAuthenticated: self.session.isAuthenticated)
        guard context.eventLoop.now >= end else { return self.setTimer(context) }
        // The session's last action is a close, and what the peer has not taken in all this time it never will.
        _ = self.session.timedOut()
        self.abort(context)
    }
}
