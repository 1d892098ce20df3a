import CUnbound

/// One question on its way through libunbound, with all who wait for its answer.
///
/// While libunbound has it, the look-up holds a reference to itself, which the call-back or `cancel` gives back.
final class UnboundLookup {
    let question: LookupQuestion
    let deadline: ContinuousClock.Instant
    var waiters: [LookupWaiter]
    var isFinished = false
    private let answered: (UnboundLookup, LookupWaiter.Outcome) -> Void
    private var identifier: CInt = 0
    private var own: Unmanaged<UnboundLookup>?

    init(
        _ waiter: LookupWaiter,
        deadline: ContinuousClock.Instant,
        answered: @escaping (UnboundLookup, LookupWaiter.Outcome) -> Void
    ) {
        self.question = waiter.question
        self.deadline = deadline
        self.waiters = [waiter]
        self.answered = answered
    }

    /// Hands the question to libunbound; returns its error code, 0 for none.
    func begin(_ context: OpaquePointer) -> CInt {
        let own = Unmanaged.passRetained(self)
        self.own = own
        let code = ub_resolve_async(
            context,
            question.name + ".",
            CInt(question.type.rawValue),
            1,
            own.toOpaque(),
            unboundAnswered,
            &identifier
        )
        if code != 0 { giveBack() }
        return code
    }

    /// Takes the question back if libunbound still has it; there is no call-back then.
    func cancel(_ context: OpaquePointer) {
        guard own != nil else { return }
        _ = ub_cancel(context, identifier)
        giveBack()
    }

    fileprivate func answered(_ code: CInt, _ result: UnsafeMutablePointer<ub_result>?) {
        let outcome = outcome(code, result)
        ub_resolve_free(result)
        answered(self, outcome)
        giveBack()
    }

    private func giveBack() {
        let own = own
        self.own = nil
        own?.release()
    }

    private func outcome(_ code: CInt, _ result: UnsafeMutablePointer<ub_result>?) -> LookupWaiter.Outcome {
        guard code == 0, let found = result?.pointee else {
            return .failure(DNSFailure(.resolver(String(cString: ub_strerror(code))), name: question.name))
        }
        do throws(DNSFailure) {
            return .success(try DNSAnswer(found, to: question))
        } catch {
            return .failure(error)
        }
    }
}

// At file scope: see `runUnboundThread`.
private func unboundAnswered(
    _ lookup: UnsafeMutableRawPointer?,
    _ code: CInt,
    _ result: UnsafeMutablePointer<ub_result>?
) {
    guard let lookup else { return }
    Unmanaged<UnboundLookup>.fromOpaque(lookup).takeUnretainedValue().answered(code, result)
}

extension DNSAnswer {
    /// Records that are read of one answer; more are left out.
    private static let recordLimit = 1000

    fileprivate init(_ result: ub_result, to question: LookupQuestion) throws(DNSFailure) {
        if result.bogus != 0 {
            let reason = result.why_bogus.map { String(cString: $0) } ?? "no reason given"
            throw DNSFailure(.bogus(reason), name: question.name)
        }
        let noName = result.nxdomain != 0 || result.rcode == 3
        // 0 is NOERROR and 3 NXDOMAIN: RFC 1035 section 4.1.1. All else is no answer.
        guard noName || result.rcode == 0 else {
            throw DNSFailure(.serverFailure(Int(result.rcode)), name: question.name)
        }
        var records: [[UInt8]] = []
        // libunbound ends both arrays alike; a record's data has at most 65,535 octets (RFC 1035 section 4.1.3).
        while !noName, records.count < Self.recordLimit, let data = result.data?[records.count],
            let lengths = result.len
        {
            let length = min(max(0, Int(lengths[records.count])), 0xFFFF)
            records.append(Array(UnsafeRawBufferPointer(start: data, count: length)))
        }
        self.init(
            existence: noName ? .noName : records.isEmpty ? .noData : .found,
            security: result.secure != 0 ? .secure : .insecure,
            records: records,
            // Empty when no alias led elsewhere.
            canonicalName: result.canonname.flatMap { LookupQuestion(String(cString: $0), question.type)?.name }
                ?? question.name,
            timeToLive: .seconds(max(0, Int(result.ttl)))
        )
    }
}
