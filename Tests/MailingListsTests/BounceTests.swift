import MailBytes
import MailNames
import Testing

@testable import MailingLists

@Suite("Bounces, RFC 3464") struct BounceTests {
    /// RFC 3464 appendix E, with the fields of its header on lines of their own.
    static func report(_ fields: String) -> String {
        """
        Date: Fri, 8 Jul 1994 09:21:47 -0400\r
        From: Mail Delivery Subsystem <MAILER-DAEMON@CS.UTK.EDU>\r
        Subject: Returned mail: User unknown\r
        To: <owner-ups-mib@CS.UTK.EDU>\r
        MIME-Version: 1.0\r
        Content-Type: multipart/report; report-type=delivery-status;\r
               boundary="JAA13167.773673707/CS.UTK.EDU"\r
        \r
        --JAA13167.773673707/CS.UTK.EDU\r
        content-type: text/plain; charset=us-ascii\r
        \r
               ----- The following addresses had delivery problems -----\r
        --JAA13167.773673707/CS.UTK.EDU\r
        content-type: message/delivery-status\r
        \r
        \(fields)\r
        --JAA13167.773673707/CS.UTK.EDU\r
        content-type: message/rfc822\r
        \r
        [original message goes here]\r
        \r
        --JAA13167.773673707/CS.UTK.EDU--\r

        """
    }

    static let simple = """
        Reporting-MTA: dns; cs.utk.edu\r
        \r
        Original-Recipient: rfc822;louisl@larry.slip.umd.edu\r
        Final-Recipient: rfc822;louisl@larry.slip.umd.edu\r
        Action: failed\r
        Status: 4.0.0\r
        Diagnostic-Code: smtp; 426 connection timed out\r
        Last-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400\r

        """

    static let several = """
        Reporting-MTA: dns; cs.utk.edu\r
        \r
        Original-Recipient: rfc822;arathib@vnet.ibm.com\r
        Final-Recipient: rfc822;arathib@vnet.ibm.com\r
        Action: failed\r
        Status: 5.0.0 (permanent failure)\r
        Diagnostic-Code: smtp;  550 'arathib@vnet.IBM.COM' is not a\r
         registered gateway user\r
        Remote-MTA: dns; vnet.ibm.com\r
        \r
        Original-Recipient: rfc822;johnh@hpnjld.njd.hp.com\r
        Final-Recipient: rfc822;johnh@hpnjld.njd.hp.com\r
        Action: delayed\r
        Status: 4.0.0 (hpnjld.njd.jp.com: host name lookup failure)\r
        \r
        Original-Recipient: rfc822;wsnell@sdcc13.ucsd.edu\r
        Final-Recipient: rfc822;wsnell@sdcc13.ucsd.edu\r
        Action: failed\r
        Status: 5.0.0\r
        Diagnostic-Code: smtp; 550 user unknown\r
        Remote-MTA: dns; sdcc13.ucsd.edu\r

        """

    private func failures(_ fields: String) throws -> [BounceReport.Failure] {
        let bytes = Array(Self.report(fields).utf8)
        let report = BounceReport(bytes.span)
        return try #require(report).failures
    }

    @Test func `time that ran out is a temporary failure`() throws {
        let failures = try failures(Self.simple)
        #expect(failures.map(\.recipient?.description) == ["louisl@larry.slip.umd.edu"])
        #expect(failures.first?.severity == .temporary)
        #expect(failures.first?.reason == "4.0.0 426 connection timed out")
    }

    @Test func `of several recipients those that failed are counted, not the delayed ones`() throws {
        let failures = try failures(Self.several)
        #expect(failures.map(\.recipient?.description) == ["arathib@vnet.ibm.com", "wsnell@sdcc13.ucsd.edu"])
        #expect(failures.allSatisfy { $0.severity == .permanent })
        #expect(failures.first?.reason == "5.0.0 550 'arathib@vnet.IBM.COM' is not a registered gateway user")
    }

    @Test func `where an alias led elsewhere, the address that we sent to counts`() throws {
        let fields =
            "Reporting-MTA: dns; a\r\n\r\nOriginal-Recipient: rfc822; bob@x.test\r\n"
            + "Final-Recipient: rfc822; bob@home.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        #expect(try failures(fields).map(\.recipient?.description) == ["bob@x.test"])
    }

    @Test(arguments: ["relayed", "delivered", "expanded", "delayed"])
    func `what did not fail is no bounce`(action: String) throws {
        let fields =
            "Reporting-MTA: dns; a\r\n\r\nFinal-Recipient: rfc822; bob@x.test\r\nAction: \(action)\r\nStatus: 2.0.0\r\n"
        #expect(try failures(fields).isEmpty)
    }

    @Test(arguments: [
        "", "Subject: hello\r\n\r\nI am away.\r\n", "Content-Type: multipart/report; boundary=a\r\n\r\n--a\r\n",
    ])
    func `other mail is no report`(message: String) {
        let bytes = Array(message.utf8)
        #expect(BounceReport(bytes.span) == nil)
    }

    @Test func `no report is too broken to be read to its end`() {
        var random = SplitMix64(seed: 11)
        let good = Array(Self.report(Self.several).utf8)
        for _ in 0..<1000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...40, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
                }
            }
            let report = BounceReport(bytes.span)
            #expect((report?.failures.count ?? 0) <= 4)
        }
    }
}

@Suite("The score of a member's bounces") struct BounceScoreTests {
    private func days(_ count: Double) -> Timestamp { Fixture.now + .seconds(Int64(count * 86_400)) }

    @Test func `a day counts once, however much comes back`() {
        var score = BounceScore()
        #expect(score.count(.permanent, limit: 2, now: days(0)) == .counted)
        for hour in 1..<20 { #expect(score.count(.permanent, limit: 2, now: days(Double(hour) / 24)) == .known) }
        #expect(score.value == 1)
    }

    @Test func `a mailbox that is gone is found out within days`() {
        var score = BounceScore()
        var day = 0
        while score.count(.permanent, limit: 5, now: days(Double(day))) != .suspended {
            day += 1
            guard day < 30 else { break }
        }
        #expect((4...8).contains(day))
    }

    @Test func `now and then is forgiven`() {
        var score = BounceScore()
        for week in 0..<50 { #expect(score.count(.permanent, limit: 3, now: days(Double(week) * 7)) == .counted) }
        #expect(score.value < 2.01)
    }

    @Test func `a temporary one counts half, and all of it is halved in a week`() {
        var score = BounceScore()
        #expect(score.count(.temporary, limit: 1, now: days(0)) == .counted)
        #expect(score.value == 0.5)
        #expect(abs(score.value(at: days(7)) - 0.25) < 0.001)
        #expect(score.value(at: days(-5)) == 0.5)
    }

    @Test func `the first one is enough where one is the limit`() {
        var score = BounceScore()
        #expect(score.count(.permanent, limit: 1, now: days(0)) == .suspended)
    }
}
